"""Searching runs: one statement for the page, one a table for what belongs to its runs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from aml_plugins.mlflow_store.fast.clauses import condition_of, ordering_of
from aml_plugins.mlflow_store.fast.entities import RUN_COLUMNS, RunParts, read_parts, run_of
from aml_plugins.mlflow_store.fast.seams import (
    Run,
    SearchUtils,
    page_token_at,
    parse_experiment_ids,
    parse_offset,
    runs,
    stages_of_view,
)
from aml_plugins.mlflow_store.fast.writing import Writing


class FastSearch(Writing):
    """Override the run search; what cannot be parsed is MLflow's to refuse, in its own words."""

    def _search_runs(  # noqa: PLR0917 - MLflow's signature
        self,
        experiment_ids: list[str],
        filter_string: str | None,
        run_view_type: int,
        max_results: int | None,
        order_by: list[str] | None,
        page_token: str | None,
    ) -> tuple[list[Run], str | None]:
        request = (experiment_ids, filter_string, run_view_type, max_results, order_by, page_token)
        if not self._is_covered():
            return super()._search_runs(*request)
        try:
            self._validate_max_results_param(max_results, allow_null=True)
            statement = self._page_statement(filter_string, run_view_type, order_by)
            offset, wanted = parse_offset(page_token), parse_experiment_ids(experiment_ids)
        except Exception:  # noqa: BLE001 - MLflow repeats the parsing and says itself what is wrong with the request
            return super()._search_runs(*request)
        with self.ManagedSessionMaker() as session:
            visible = self._filter_experiment_ids(session, wanted)
            page = statement.where(runs.c.experiment_id.in_(visible)).offset(offset)
            if max_results is not None:
                page = page.limit(max_results + 1)
            found = self._runs_of(session, page)
        if max_results is not None and len(found) == max_results + 1:
            return found[:max_results], page_token_at(offset + max_results)
        return found, None

    def _page_statement(
        self, filter_string: str | None, run_view_type: int, order_by: list[str] | None
    ) -> sa.Select[Any]:
        source: sa.FromClause = runs
        ordering = ordering_of(order_by)
        for table, on in ordering.joins:
            source = source.outerjoin(table, on)
        dialect = self._get_dialect()
        conditions = [condition_of(parsed, dialect) for parsed in SearchUtils.parse_search_filter(filter_string)]
        conditions.append(runs.c.lifecycle_stage.in_(stages_of_view(run_view_type)))
        return sa.select(*RUN_COLUMNS).select_from(source).where(*conditions).order_by(*ordering.clauses)

    def _runs_of(self, session: Session, page: sa.Select[Any]) -> list[Run]:
        connection = session.connection()
        rows = connection.execute(page).all()
        run_ids = [row.run_uuid for row in rows]
        if not run_ids:
            return []
        parts = read_parts(connection, run_ids)
        datasets = self._get_run_inputs(session=session, run_uuids=run_ids)
        outputs = self._get_model_outputs_bulk(run_ids=run_ids, session=session)
        none = RunParts()
        return [
            run_of(row, parts.get(row.run_uuid, none), datasets=used, outputs=outputs[row.run_uuid])
            for row, used in zip(rows, datasets, strict=True)
        ]
