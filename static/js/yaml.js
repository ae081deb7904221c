/* Colours for YAML (and so for JSON), line by line: a reader's aid, not a parser. */

const TOKEN = /(?<note>(?:^|(?<=\s))#.*$)|(?<key>[\w.$-]+|"(?:[^"\\]|\\.)*"|'[^'\n]*')(?=\s*:(?:\s|$))|(?<value>\$\{[^}]*\})|(?<text>(?<!\w)"(?:[^"\\\n]|\\.)*"|(?<!\w)'(?:[^'\n]|'')*')|(?<number>(?<![\w.-])-?\d+(?:\.\d+)?(?:ms|s|m|h|d)?(?![\w.-]))/gm;
/* Of a block text only what is filled in has a colour: its words before a colon are no keys. */
const FILLED = /(?<value>\$\{[^}]*\}|\{\{[^}]*\}\})/g;
const OPENS = /(?::|^\s*-)\s+[|>][-+0-9]*\s*(?:#.*)?$/;

const KINDS = ["note", "key", "value", "text", "number"];
const indent = (line) => line.search(/\S|$/);

/** A fragment with the same characters as `source`, so that it lies exactly under the text area. */
export function paint(source) {
  const fragment = document.createDocumentFragment();
  let plain = "";
  let block = -1;
  const flush = () => { if (plain) spell(fragment, plain, TOKEN); plain = ""; };
  for (const line of source.split(/(?<=\n)/)) {
    if (block >= 0 && line.trim() && indent(line) <= block) block = -1;
    if (block >= 0) {
      flush();
      spell(fragment, line, FILLED);
      continue;
    }
    plain += line;
    if (OPENS.test(line.trimEnd())) block = indent(line);
  }
  flush();
  fragment.append("\n");
  return fragment;
}

function spell(fragment, source, token) {
  let last = 0;
  for (const match of source.matchAll(token)) {
    if (match.index > last) fragment.append(source.slice(last, match.index));
    const span = document.createElement("span");
    span.className = "y-" + KINDS.find((kind) => match.groups[kind] !== undefined);
    span.textContent = match[0];
    fragment.append(span);
    last = match.index + match[0].length;
  }
  fragment.append(source.slice(last));
}
