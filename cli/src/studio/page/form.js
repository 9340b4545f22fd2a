// A form made from a JSON Schema: what people fill in becomes a payload. Anything that a form cannot show, such as a
// choice between schemas, is a field for JSON.

const element = (name, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
};

const INPUTS = { email: "email", "idn-email": "email", uri: "url", date: "date", time: "text", "date-time": "text" };
// A text that may be longer than this gets several lines.
const LONG = 200;

let count = 0;

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

// A place in a payload as a JSON Pointer (RFC 6901).
export const below = (pointer, name) => `${pointer}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;

// The schema that a reference points to. A limit on hops ends circular references.
function resolved(schema, root, hops = 0) {
  if (!isObject(schema) || typeof schema.$ref !== "string" || hops > 16) return plain(schema);
  const names = schema.$ref.startsWith("#/") ? schema.$ref.slice(2).split("/") : [];
  const target = names.reduce((at, name) => at?.[decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~")], root);
  const { $ref, ...beside } = schema;
  return isObject(target) ? resolved({ ...target, ...beside }, root, hops + 1) : plain(schema);
}

// A choice between a schema and null is that schema, made nullable.
function plain(schema) {
  const choices = isObject(schema) && (schema.anyOf ?? schema.oneOf);
  if (!Array.isArray(choices)) return schema;
  const others = choices.filter((choice) => choice?.type !== "null");
  if (others.length !== 1 || choices.length !== 2 || !isObject(others[0])) return schema;
  const { anyOf, oneOf, ...beside } = schema;
  return { ...others[0], ...beside, nullable: true };
}

const nullable = (schema) => schema.nullable === true || [schema.type].flat().includes("null");

// The kind of field for a schema; "json" if no other fits.
function kindOf(schema) {
  if (!isObject(schema)) return "json";
  if ("const" in schema) return "const";
  if (Array.isArray(schema.enum)) return "enum";
  const types = [schema.type].flat().filter((type) => type !== "null");
  if (types.length !== 1) return isObject(schema.properties) && types.length === 0 ? "object" : "json";
  const [type] = types;
  if (type === "object") return isObject(schema.properties) ? "object" : "json";
  if (type === "array") return isObject(schema.items) ? "array" : "json";
  return ["string", "number", "integer", "boolean"].includes(type) ? type : "json";
}

function words(name) {
  const spaced = String(name).replaceAll(/[_-]+/g, " ").replaceAll(/([a-z\d])([A-Z])/g, "$1 $2").trim();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

// The initial value of a member or entry that is added.
function fresh(schema, root) {
  schema = resolved(schema, root);
  if (!isObject(schema)) return null;
  if ("default" in schema) return structuredClone(schema.default);
  if ("const" in schema) return structuredClone(schema.const);
  if (Array.isArray(schema.enum)) return structuredClone(schema.enum[0]);
  const kind = kindOf(schema);
  if (kind === "object") {
    const needed = (schema.required ?? []).map((name) => [name, fresh(schema.properties[name], root)]);
    return Object.fromEntries(needed);
  }
  return { array: [], boolean: false, number: schema.minimum ?? 0, integer: schema.minimum ?? 0, string: "" }[kind] ?? null;
}

/// The form: `fill` shows a payload, `mark` shows what is wrong with it, and `changed` is called with the payload after
// each edit.
export class SchemaForm {
  constructor(parent, changed) {
    this.parent = parent;
    this.changed = changed;
  }

  fill(schema, value) {
    this.root = schema;
    this.value = value;
    this.places = new Map();
    const top = resolved(schema, schema);
    const fields = isObject(value) && kindOf(top) === "object" ? this.members(top, value, "") : [this.json("", value, (next) => this.whole(next), "Payload")];
    this.parent.replaceChildren(...fields);
  }

  whole(next) {
    this.value = next;
    this.changed(this.value);
  }

  // Redraws the form after something was added or removed, and restores the focus.
  redraw(pointer) {
    this.fill(this.root, this.value);
    this.changed(this.value);
    this.focus(pointer);
  }

  focus(pointer) {
    const place = this.places.get(pointer);
    (place?.control ?? place?.box?.querySelector("input, select, textarea, button"))?.focus();
  }

  // Fields for an object's properties, then for its other members.
  members(schema, object, pointer) {
    const required = new Set(schema.required ?? []);
    const known = Object.entries(schema.properties ?? {});
    const names = new Set(known.map(([name]) => name));
    const own = known.map(([name, child]) => this.member(object, name, child, below(pointer, name), required.has(name)));
    const others = Object.keys(object).filter((name) => !names.has(name));
    const more = others.map((name) => this.member(object, name, schema.additionalProperties, below(pointer, name), false, true));
    return [...own, ...more];
  }

  member(object, name, schema, pointer, required, unknown = false) {
    schema = resolved(schema, this.root);
    const slot = {
      get: () => object[name],
      set: (value) => {
        if (value === undefined) delete object[name];
        else object[name] = value;
        this.changed(this.value);
      },
      has: Object.hasOwn(object, name),
    };
    const title = (isObject(schema) && schema.title) || words(name);
    return this.field(schema, slot, pointer, title, required, unknown ? () => {
      delete object[name];
      this.redraw(pointer.slice(0, pointer.lastIndexOf("/")));
    } : undefined);
  }

  // One field. `remove` takes it out of a list.
  field(schema, slot, pointer, title, required, remove) {
    const kind = kindOf(schema);
    if (kind === "object" || kind === "array") return this.group(kind, schema, slot, pointer, title, required, remove);
    const control = this.control(kind, schema, slot, required);
    const name = control.classList.contains("code") ? `${title} as JSON` : title;
    return this.labelled(control, schema, pointer, name, required, remove);
  }

  labelled(control, schema, pointer, title, required, remove) {
    const id = `field-${(count += 1)}`;
    control.id = id;
    const error = element("span", { className: "error", id: `${id}-error` });
    const label = element("label", { htmlFor: id }, title);
    if (!required) label.append(element("small", { textContent: "optional" }));
    const box = element("div", { className: "field" }, label, control);
    const described = [];
    if (isObject(schema) && schema.description) {
      const hint = element("span", { className: "quiet hint-text", id: `${id}-hint`, textContent: schema.description });
      described.push(hint.id);
      box.append(hint);
    }
    control.dataset.described = described.join(" ");
    if (described.length) control.setAttribute("aria-describedby", described.join(" "));
    if (required) control.setAttribute("aria-required", "true");
    box.append(error);
    if (remove) box.append(this.button("Remove", `Remove ${title}`, remove));
    this.places.set(pointer, { box, control, error });
    return box;
  }

  button(text, label, action) {
    const button = element("button", { type: "button", className: "small", textContent: text });
    button.setAttribute("aria-label", label);
    button.addEventListener("click", action);
    return button;
  }

  group(kind, schema, slot, pointer, title, required, remove) {
    const box = element("fieldset", {}, element("legend", {}, title, ...(required ? [] : [element("small", { textContent: "optional" })])));
    if (schema.description) box.append(element("p", { className: "quiet hint-text", textContent: schema.description }));
    const error = element("p", { className: "error" });
    const value = slot.get();
    const fits = kind === "object" ? isObject(value) : Array.isArray(value);
    if (fits && kind === "object") box.append(...this.members(schema, value, pointer));
    if (fits && kind === "array") box.append(...this.items(schema, value, pointer, title));
    if (!fits && slot.has) box.append(this.json(pointer, value, slot.set, title));
    const tools = element("div", { className: "tools-row" });
    if (!slot.has) {
      tools.append(this.button("Add", `Add ${title}`, () => {
        slot.set(fresh(schema, this.root) ?? (kind === "array" ? [] : {}));
        this.redraw(pointer);
      }));
    } else if (remove || !required) {
      tools.append(this.button("Remove", `Remove ${title}`, remove ?? (() => {
        slot.set(undefined);
        this.redraw(pointer);
      })));
    }
    box.append(error, tools);
    this.places.set(pointer, { box, error });
    return box;
  }

  items(schema, list, pointer, title) {
    const child = resolved(schema.items, this.root);
    const items = list.map((_, index) => {
      const slot = {
        get: () => list[index],
        set: (value) => {
          list[index] = value ?? null;
          this.changed(this.value);
        },
        has: true,
      };
      return this.field(child, slot, below(pointer, index), `${title} ${index + 1}`, true, () => {
        list.splice(index, 1);
        this.redraw(pointer);
      });
    });
    const add = this.button("Add an item", `Add an item to ${title}`, () => {
      list.push(fresh(child, this.root));
      this.redraw(below(pointer, list.length - 1));
    });
    return [...items, add];
  }

  // The control for a single value. An empty optional field means that the member is absent.
  control(kind, schema, slot, required) {
    const value = slot.get();
    if (kind === "const") {
      const input = element("input", { value: typeof schema.const === "string" ? schema.const : JSON.stringify(schema.const), readOnly: true });
      if (!slot.has && required) slot.set(schema.const);
      return input;
    }
    if (kind === "enum" || kind === "boolean") return this.choice(kind === "enum" ? schema.enum : [true, false], slot, required);
    const empty = !slot.has || (value === null && nullable(schema));
    if (kind === "string" && (typeof value === "string" || empty)) return this.text(schema, slot, required);
    if ((kind === "number" || kind === "integer") && (typeof value === "number" || empty)) return this.number(kind, schema, slot);
    return this.jsonControl(value, slot.set, slot.has);
  }

  choice(options, slot, required) {
    const select = element("select");
    const value = JSON.stringify(slot.get());
    const texts = options.map((option) => JSON.stringify(option));
    if (!required || !slot.has) select.append(new Option("–", ""));
    select.append(...options.map((option, index) => new Option(typeof option === "string" ? option : texts[index], texts[index])));
    // A value that is not on the list stays until another is chosen.
    if (slot.has && !texts.includes(value)) select.append(new Option(`${value} (not on the list)`, value));
    select.value = slot.has ? value : "";
    select.addEventListener("change", () => slot.set(select.value === "" ? undefined : JSON.parse(select.value)));
    return select;
  }

  text(schema, slot, required) {
    const value = slot.get() ?? "";
    const nothing = nullable(schema) ? null : required ? "" : undefined;
    const long = value.includes("\n") || value.length > LONG / 2 || ((schema.maxLength ?? 0) > LONG && !schema.format && !schema.pattern);
    const control = long ? element("textarea", { rows: 4 }) : element("input", { type: INPUTS[schema.format] ?? "text" });
    control.value = value;
    control.addEventListener("input", () => slot.set(control.value === "" ? nothing : control.value));
    return control;
  }

  number(kind, schema, slot) {
    const control = element("input", { type: "number", step: kind === "integer" ? "1" : "any", value: slot.get() ?? "" });
    for (const [bound, keyword] of [["min", "minimum"], ["max", "maximum"]]) {
      if (typeof schema[keyword] === "number") control[bound] = schema[keyword];
    }
    control.addEventListener("input", () => slot.set(control.value === "" ? (nullable(schema) ? null : undefined) : Number(control.value)));
    return control;
  }

  jsonControl(value, set, has = true) {
    const control = element("textarea", { className: "code", rows: 3, spellcheck: false, value: has ? JSON.stringify(value, null, 2) : "" });
    control.rows = Math.min(12, control.value.split("\n").length + 1);
    control.addEventListener("input", () => {
      try {
        set(control.value.trim() === "" ? undefined : JSON.parse(control.value));
        control.setCustomValidity("");
        control.removeAttribute("aria-invalid");
      } catch (error) {
        control.setCustomValidity(error.message);
        control.setAttribute("aria-invalid", "true");
      }
    });
    return control;
  }

  json(pointer, value, set, title) {
    return this.labelled(this.jsonControl(value, set), undefined, pointer, `${title} as JSON`, true);
  }

  // Shows each violation at its field, or at the nearest one around it.
  mark(violations) {
    for (const { control, error } of this.places.values()) {
      error.textContent = "";
      if (!control) continue;
      control.removeAttribute("aria-invalid");
      if (control.dataset.described) control.setAttribute("aria-describedby", control.dataset.described);
      else control.removeAttribute("aria-describedby");
    }
    for (const { pointer, detail } of violations) {
      const place = this.nearest(pointer);
      if (!place) continue;
      place.error.textContent = [place.error.textContent, detail].filter(Boolean).join(" ");
      if (!place.control) continue;
      place.control.setAttribute("aria-invalid", "true");
      place.control.setAttribute("aria-describedby", [place.control.dataset.described, place.error.id].filter(Boolean).join(" "));
    }
  }

  nearest(pointer) {
    for (let at = pointer; ; at = at.slice(0, at.lastIndexOf("/"))) {
      if (this.places.has(at)) return this.places.get(at);
      if (at === "") return undefined;
    }
  }
}
