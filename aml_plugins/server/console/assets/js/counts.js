// What services count, taken apart: what came between two looks, and how long most answers took.

/** Add up what several versions counted; null where none did. */
export function sum(counts) {
  const found = counts.filter(Boolean);
  if (!found.length) return null;
  return found.reduce((all, one) => ({
    requests: all.requests + one.requests,
    client_errors: all.client_errors + one.client_errors,
    server_errors: all.server_errors + one.server_errors,
    seconds: all.seconds + one.seconds,
    buckets: merged(all.buckets, one.buckets, 1),
  }));
}

/** What was counted from one look to the next. A version that began anew counts from nothing. */
export function since(before, now) {
  if (!before || now.requests < before.requests) return now;
  return {
    requests: now.requests - before.requests,
    client_errors: now.client_errors - before.client_errors,
    server_errors: now.server_errors - before.server_errors,
    seconds: now.seconds - before.seconds,
    buckets: merged(now.buckets, before.buckets, -1),
  };
}

/**
 * The time within which a share of the answers came, in seconds; null where there was none.
 * Within a bucket they are taken to be spread evenly, as Prometheus' histogram_quantile has it.
 */
export function quantile(counted, share) {
  const { buckets } = counted;
  const all = buckets.at(-1)?.[1] ?? 0;
  if (!all) return null;
  const rank = share * all;
  let [lower, below] = [0, 0];
  for (const [bound, many] of buckets) {
    if (many >= rank) {
      if (bound === null) return lower;
      return many === below ? bound : lower + ((bound - lower) * (rank - below)) / (many - below);
    }
    [lower, below] = [bound, many];
  }
  return lower;
}

function merged(left, right, sign) {
  const other = new Map(right.map(([bound, many]) => [bound, many]));
  return left.map(([bound, many]) => [bound, many + sign * (other.get(bound) ?? 0)]);
}
