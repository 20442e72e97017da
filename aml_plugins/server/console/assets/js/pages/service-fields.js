// Fields for what a JSON schema describes: one for each property of the input.

import { el } from "../dom.js";

const MOST = 60;
let numbered = 0;

/** What somebody typed in is no value of the field's kind. */
export class Mistake extends Error {
  constructor(input, message, fix) {
    super(message);
    this.input = input;
    this.fix = fix;
  }
}

/**
 * Make the fields of a schema; null where it names no property, or too many to be a form.
 * @returns {{node: Element, value: Function}} `value` throws a Mistake.
 */
export function fieldsOf(schema, example) {
  const properties = Object.entries(schema?.properties ?? {});
  if (!properties.length || properties.length > MOST) return null;
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  const fields = properties.map(([name, of]) => {
    const given = example?.[name] ?? of?.example ?? of?.default;
    return [name, fieldOf(name, of && typeof of === "object" ? of : {}, given, required.has(name))];
  });
  const value = () => Object.fromEntries(fields.map(([name, field]) => [name, field.value()]).filter(([, v]) => v !== undefined));
  return { node: el("div.fields", {}, fields.map(([, field]) => field.node)), value };
}

function fieldOf(name, schema, given, required) {
  const kind = kindOf(schema);
  const said = typeof schema.description === "string" ? schema.description : "";
  const hint = said && kind ? `${said} (${kind})` : said || kind;
  if (Array.isArray(schema.enum) && schema.enum.length) return choiceField(name, schema.enum, given, hint);
  if (schema.type === "boolean") return switchField(name, given, hint);
  if (schema.type === "number" || schema.type === "integer") return numberField(name, schema, given, hint, required);
  if (schema.type === "string") return textField(name, given, hint, required);
  return jsonField(name, given ?? (schema.type === "array" ? [] : {}), hint);
}

const kindOf = ({ type, format, items }) =>
  type === "array" ? `a list${items?.type ? ` of ${items.type}s` : ""}` : [type, format].filter(Boolean).join(", ");

function numberField(name, schema, given, hint, required) {
  const step = schema.type === "integer" ? "1" : "any";
  const input = el("input", { type: "number", step, min: schema.minimum, max: schema.maximum, value: given });
  return field(name, input, hint, () => {
    if (input.validity.badInput) throw new Mistake(input, `${name} is not a number.`, "Write a number, such as 1.5.");
    if (input.value === "" && !required) return undefined;
    if (input.value === "") throw new Mistake(input, `${name} is missing.`, "Write a number.");
    return Number(input.value);
  });
}

function textField(name, given, hint, required) {
  const input = el("input", { type: "text", value: typeof given === "string" ? given : "" });
  return field(name, input, hint, () => (input.value === "" && !required ? undefined : input.value));
}

function switchField(name, given, hint) {
  const input = el("input", { type: "checkbox", checked: given === true });
  return field(name, input, hint, () => input.checked);
}

function choiceField(name, choices, given, hint) {
  const options = choices.map((choice, index) => el("option", { value: index, selected: choice === given }, String(choice)));
  const input = el("select", {}, options);
  return field(name, input, hint, () => choices[Number(input.value)]);
}

/** A field for any JSON value. */
export function jsonField(name, given, hint) {
  const text = (value) => JSON.stringify(value, null, 2);
  const input = el("textarea", { rows: Math.min(14, text(given).split("\n").length + 1), spellcheck: "false" }, text(given));
  const made = field(name, input, hint, () => {
    try {
      return JSON.parse(input.value);
    } catch (error) {
      throw new Mistake(input, `${name} is not JSON: ${error.message}`, "Correct it and send again.");
    }
  });
  made.set = (value) => {
    input.value = text(value);
  };
  return made;
}

function field(name, input, hint, value) {
  numbered += 1;
  input.id = `field-${numbered}`;
  const said = hint ? el("p.dim", { id: `hint-${numbered}` }, hint) : null;
  if (said) input.setAttribute("aria-describedby", said.id);
  const checked = () => {
    input.removeAttribute("aria-invalid");
    try {
      return value();
    } catch (error) {
      input.setAttribute("aria-invalid", "true");
      throw error;
    }
  };
  return { node: el("div.field", {}, el("label", { for: input.id }, name), input, said), value: checked };
}
