// Writes TypeScript's types: from `{path: schema}` on the standard input to `{path: declarations}` on the standard
// output. Each definition is declared once, under its own name.
import { readFileSync } from "node:fs";
import { compile } from "json-schema-to-typescript";

const OPTIONS = { bannerComment: "", ignoreMinAndMaxItems: true, style: { printWidth: 120, singleQuote: true } };

/** A schema that says by name what it refers to, and that keeps the known texts of a list which is open. */
function adapted(schema) {
  if (typeof schema !== "object") return schema;
  const { allOf, $ref = allOf?.[0].$ref, propertyNames, properties, title, description, ...rest } = schema;
  const own = { ...rest };
  // An example or a link in Rust says nothing to a reader of TypeScript.
  if (description !== undefined) own.description = description.split("\n\n```")[0].replaceAll(/\[(`[^`]+`)\]\([^)]*\)/g, "$1");
  if ($ref !== undefined) own.tsType = named($ref);
  if (propertyNames !== undefined) {
    own.tsType = `Partial<Record<${named(propertyNames.$ref)}, ${named(rest.additionalProperties.$ref)}>>`;
  }
  if (properties !== undefined) own.properties = each(properties);
  for (const list of ["anyOf", "oneOf", "prefixItems"]) {
    if (rest[list] !== undefined) own[list] = Object.values(each(rest[list]));
  }
  for (const part of ["items", "additionalProperties"]) {
    if (rest[part] !== undefined) own[part] = adapted(rest[part]);
  }
  if (own.anyOf?.some((it) => it.enum !== undefined)) {
    own.anyOf = own.anyOf.map((it) => (it.type === "string" && it.enum === undefined ? { tsType: "(string & {})" } : it));
  }
  return own;
}

function each(schemas) {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, adapted(schema)]));
}

function named(reference) {
  return reference.split("/").at(-1);
}

async function declarations(schema) {
  const parts = [];
  for (const [name, definition] of Object.entries(schema.$defs)) {
    parts.push(await compile(adapted(definition), name, OPTIONS));
  }
  return parts.join("\n");
}

const made = {};
for (const [path, schema] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  made[path] = await declarations(JSON.parse(schema));
}
process.stdout.write(JSON.stringify(made));
