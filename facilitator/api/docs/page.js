// Shows the OpenAPI document beside this page, and sends the requests that it describes.

const base = new URL(location.pathname.replace(/docs\/?$/, ""), location.origin);
const api = await (await fetch(new URL("openapi.json", base))).json();

/** An element; attributes that are functions listen to the event of that name. */
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== false) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== undefined));
  return element;
}

/** The text, with parts between backticks as code. */
const prose = (text = "") =>
  text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));
const json = (value) => JSON.stringify(value, null, 2);

// --- The document ------------------------------------------------------------------------------

/** The value to which a reference points. */
const found = (value) =>
  value.$ref ? value.$ref.slice(2).split("/").reduce((place, name) => place[name], api) : value;

/** The schema without references, and with the parts of `allOf` in one. */
function resolved(schema) {
  const { allOf = [], ...own } = found(schema);
  return [...allOf.map(resolved), own].reduce((whole, part) => ({
    ...whole,
    ...part,
    required: [...(whole.required ?? []), ...(part.required ?? [])],
    properties: { ...whole.properties, ...part.properties },
  }), {});
}

/** The schema in a few words. */
function kind(schema) {
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map(kind).join(" or ");
  if (schema.type === "array") return `list of ${kind(schema.items)}`;
  return [schema.type ?? "any"].flat().join(" or ") + (schema.pattern ? ` ${schema.pattern}` : "");
}

/** The parts of the schema that may have fields. */
const inner = (schema) =>
  [schema.items, schema.additionalProperties, ...(schema.anyOf ?? [])].filter(
    (part) => typeof part === "object");

/** The schema's fields as lists within lists; references are resolved once they are opened. */
function fields(schema) {
  const { properties = {}, required = [], ...whole } = resolved(schema);
  const rows = Object.entries(properties).map(([name, part]) => {
    const head = [
      make("code", {}, name), " ", make("i", {}, kind(part)),
      make("small", {}, required.includes(name) ? "" : " optional"),
      ...(part.description ? [" · ", ...prose(part.description)] : []),
    ];
    return make("li", {}, part.$ref ? referred(part, head) : [...head, ...fields(part)]);
  });
  const lists = rows.length ? [make("ul", { class: "schema" }, rows)] : [];
  return [...lists, ...inner(whole).flatMap((part) =>
    part.$ref ? referred(part, [make("i", {}, kind(part))]) : fields(part))];
}

const referred = (schema, head) => unfolding({}, head, () => {
  const { description, ...whole } = resolved(schema);
  const rest = fields(whole);
  const words = rest.length ? "" : make("i", {}, kind(whole));
  return [make("p", {}, ...prose(description), " ", words), ...rest];
});

/** A part that is made when it is opened for the first time. */
function unfolding(attributes, summary, body) {
  const part = make("details", attributes, make("summary", {}, summary));
  part.addEventListener("toggle", () => part.append(...body()), { once: true });
  return part;
}

const contentOf = (part) => Object.entries(part?.content ?? {})[0] ?? [];

// --- Requests ----------------------------------------------------------------------------------

const key = make("input", { type: "password", id: "key", autocomplete: "off" });

/** The headers that send the API key to an operation. */
function credentials(operation) {
  const names = (operation.security ?? []).flatMap(Object.keys);
  const scheme = names.length && key.value ? api.components.securitySchemes[names[0]] : undefined;
  if (!scheme) return {};
  return scheme.type === "http"
    ? { Authorization: `Bearer ${key.value}` }
    : { [scheme.name]: key.value };
}

/** The request to send, made of the inputs. */
function request(method, path, operation, inputs, body) {
  const given = (place) =>
    Object.fromEntries(inputs.filter(([each, input]) => each.in === place && input.value)
      .map(([each, input]) => [each.name, input.value]));
  const values = given("path");
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name] ?? ""));
  const url = new URL(`.${filled}`, base);
  url.search = new URLSearchParams(given("query"));
  const headers = { ...given("header"), ...credentials(operation) };
  if (body) headers["Content-Type"] = contentOf(operation.requestBody)[0];
  return [url, { method: method.toUpperCase(), headers, body: body?.value }];
}

async function shown(response, started) {
  const text = await response.text();
  const took = Math.round(performance.now() - started);
  const isJson = response.headers.get("Content-Type")?.includes("json");
  return [
    make("p", {},
      make("b", { class: response.ok ? "status" : "status bad" }, `${response.status}`),
      ` ${response.statusText} `, make("small", {}, `in ${took} ms`)),
    make("pre", { class: "body" }, isJson ? json(JSON.parse(text)) : text),
    unfolding({}, ["Headers"], () => [
      make("pre", {}, [...response.headers].map((header) => header.join(": ")).join("\n"))]),
  ];
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The same request for a shell; the key is left to the reader. */
function curl([url, { method, headers, body }]) {
  const safe = Object.entries(headers).map(([name, value]) =>
    key.value ? [name, value.replace(key.value, "KEY")] : [name, value]);
  const words = [`curl -i -X ${method}`, ...safe.map((pair) => `-H ${quoted(pair.join(": "))}`)];
  return [...words, ...(body ? [`-d ${quoted(body)}`] : []), quoted(url.href)].join(" ");
}

function sender(method, path, operation) {
  const inputs = (operation.parameters ?? []).map(found)
    .map((each) => [each, make("input", { value: each.example ?? "", "aria-label": each.name })]);
  const [, content] = contentOf(operation.requestBody);
  const example = Object.values(content?.examples ?? {})[0];
  const body = content && make("textarea", { rows: 12, "aria-label": "body", spellcheck: "false" });
  if (example) body.value = json(example.value);
  const output = make("div", { class: "output", "aria-live": "polite" });
  let stop;
  const send = make("button", { class: "send", click: async () => {
    stop = new AbortController();
    send.disabled = true;
    halt.disabled = false;
    output.replaceChildren("…");
    const started = performance.now();
    try {
      const [url, init] = request(method, path, operation, inputs, body);
      const response = await fetch(url, { ...init, signal: stop.signal });
      output.replaceChildren(...await shown(response, started));
    } catch (error) {
      output.replaceChildren(make("p", { class: "bad" }, `${error.message}`));
    }
    send.disabled = false;
    halt.disabled = true;
  } }, "Send");
  const halt = make("button", { disabled: true, click: () => stop.abort() }, "Stop");
  const shell = make("button", { click: () => output.replaceChildren(
    make("pre", {}, curl(request(method, path, operation, inputs, body)))) }, "As curl");
  return [
    ...inputs.map(([each, input]) => make("label", { class: "field" },
      make("code", {}, each.name), input,
      make("small", {}, `${each.in}${each.required ? ", required" : ""}. `, prose(each.description)))),
    ...(body ? [make("h3", {}, "Body"), make("p", { class: "faint" }, prose(example?.summary)), body] : []),
    make("div", { class: "buttons" }, send, halt, shell),
    output,
  ];
}

// --- The page ----------------------------------------------------------------------------------

function answer([status, reference]) {
  const response = found(reference);
  const [type, content] = contentOf(response);
  return unfolding({}, [make("code", {}, status), " ", ...prose(response.description)], () => [
    make("p", {}, make("small", {}, `${type ?? "no body"} · ${Object.keys(response.headers ?? {}).join(", ")}`)),
    ...(content ? fields(content.schema) : []),
    ...Object.values(content?.examples ?? {}).flatMap((example) => [
      make("p", { class: "faint" }, prose(example.summary)), make("pre", {}, json(example.value))]),
  ]);
}

function section([method, path, operation]) {
  const summary = [
    make("b", { class: `method ${method}` }, method.toUpperCase()),
    make("code", {}, path),
    make("span", {}, ...prose(operation.summary)),
  ];
  return unfolding({ class: "operation", id: operation.operationId ?? `${method} ${path}` }, summary, () => {
    const [, content] = contentOf(operation.requestBody);
    return [make("div", {},
      make("p", {}, prose(operation.description)),
      ...sender(method, path, operation),
      ...(content ? [make("h3", {}, "Request"), ...fields(content.schema)] : []),
      make("h3", {}, "Answers"),
      ...Object.entries(operation.responses ?? {}).map(answer))];
  });
}

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
const PLUGINS = { name: "plugins", description: "Routes of plugins." };
const operations = Object.entries(api.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => item[method]).map((method) => [method, path, item[method]]));
const tagOf = ({ tags = [] }) => api.tags.find(({ name }) => tags.includes(name)) ?? PLUGINS;

document.title = api.info.title;
document.body.replaceChildren(
  make("header", {},
    make("h1", {}, api.info.title, make("small", {}, api.info.version)),
    ...api.info.description.split("\n\n").map((text) => make("p", {}, prose(text))),
    make("a", { href: new URL("openapi.json", base) }, "openapi.json"),
    make("label", { class: "key" }, "API key", key,
      make("small", {}, "kept on this page only, and sent where keys are asked for"))),
  make("main", {}, [...api.tags, PLUGINS].flatMap((tag) => {
    const own = operations.filter(([, , operation]) => tagOf(operation) === tag);
    const title = make("h2", {}, tag.name, " ", make("small", {}, tag.description));
    return own.length ? [title, ...own.map(section)] : [];
  })));
const chosen = document.getElementById(decodeURIComponent(location.hash.slice(1)));
if (chosen) chosen.open = true;
