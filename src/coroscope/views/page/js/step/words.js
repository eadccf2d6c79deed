// Values as texts: what `repr` says of builtin ones, "<type #number>" of others. As stepper/shown_values.py has it.

const LONGEST_TEXT = 100;
const DEEPEST_TEXT = 3;
const BRACKETS = {
  "list list": ["[", "]"],
  "tuple tuple": ["(", ")"],
  "dict dict": ["{", "}"],
  "set set": ["{", "}"],
  "frozenset frozenset": ["frozenset({", "})"],
  "collections.deque deque": ["deque([", "])"],
};
const TYPE_WORDS = {
  builtin_function_or_method: "built-in function",
  method: "bound method",
  method_descriptor: "method",
  wrapper_descriptor: "method",
  async_generator: "async generator",
  "method-wrapper": "method",
  function: "function",
  generator: "generator",
  coroutine: "coroutine",
  module: "module",
  code: "code",
  type: "class",
  "_asyncio.Task": "task",
  "coroscope.loop.task.Task": "task",
};
const ACTIVE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

export function textOfObject(recording, object) {
  const { object_types, object_details } = recording.columns;
  const type = recording.word(object_types[object]);
  const detail = recording.word(object_details[object]);
  if (type === "range") return `range(${detail})`;
  if (!detail) return `<${type} #${object}>`;
  const what = Object.hasOwn(TYPE_WORDS, type) ? TYPE_WORDS[type] : recording.layoutOf(object) === "opaque" ? "class" : type;
  return `<${what} ${detail} #${object}>`;
}

const NUMBERED = /^<(function|built-in function|method|bound method|async generator|[^ ]+)(?: (.*))? (#[0-9]+)>$/s;

// Such as "built-in print #8" for "<built-in function print #8>": what it is can still be seen. As views/step_words.py has it.
export function inFewWords(text) {
  const found = NUMBERED.exec(text);
  if (!found) return text;
  const [, what, name, number] = found;
  const lastOf = (dotted) => dotted.split(".").at(-1);
  if (name === undefined) return `<${lastOf(what)} ${number}>`;
  return `${what.replace(/ function$/, "")} ${lastOf(name)} ${number}`;
}

export function textOf(recording, value, step, depth = DEEPEST_TEXT) {
  if (value >= 0) return recording.facts.texts[value];
  const type = recording.typeOf(value);
  const layout = recording.layoutOf(-value);
  const kind = `${type} ${layout}`;
  const contents = Object.hasOwn(BRACKETS, kind) ? recording.contentsOf(-value, step) : null;
  if (!contents) return textOfObject(recording, -value);
  const [opening, closing] = BRACKETS[kind];
  if (!depth && contents.length) return `${opening}…${closing}`;
  let text = opening;
  const inner = (held) => textOf(recording, held, step, depth - 1);
  const stride = layout === "dict" ? 2 : 1;
  for (let at = 0; at + stride <= contents.length; at += stride) {
    const longer = text + (at ? ", " : "") + (stride === 2 ? `${inner(contents[at])}: ${inner(contents[at + 1])}` : inner(contents[at]));
    const characters = [...longer];
    if (characters.length > LONGEST_TEXT) {
      // Of the first one the beginning, of others nothing: no item that is shown is half of one.
      if (!at) text = `${characters.slice(0, LONGEST_TEXT - 5).join("")}…`;
      return at || contents.length > stride ? `${text}, …${closing}` : text + closing;
    }
    text = longer;
  }
  if (type === "tuple" && contents.length === 1) text += ",";
  if (!contents.length && (type === "set" || type === "frozenset")) return `${type}()`;
  return text + closing;
}

// Nothing in a text from a program can hide, reorder or control: such characters are shown as marks. Tabs stay.
export function visible(text) {
  return text.replace(ACTIVE, (char) => {
    const code = char.codePointAt(0);
    if (char === "\t") return char;
    if (code < 32) return String.fromCodePoint(0x2400 + code);
    return code === 127 ? "␡" : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}
