/* Colours for YAML (and so for JSON), line by line: a reader's aid, not a parser. */

const TOKEN = /(?<note>(?:^|(?<=\s))#.*$)|(?<key>[\w.$-]+|"(?:[^"\\]|\\.)*"|'[^'\n]*')(?=\s*:(?:\s|$))|(?<value>\$\{[^}]*\})|(?<text>(?<!\w)"(?:[^"\\\n]|\\.)*"|(?<!\w)'(?:[^'\n]|'')*')|(?<number>(?<![\w.-])-?\d+(?:\.\d+)?(?:ms|s|m|h|d)?(?![\w.-]))/gm;

const KINDS = ["note", "key", "value", "text", "number"];

/** A fragment with the same characters as `source`, so that it lies exactly under the text area. */
export function paint(source) {
  const fragment = document.createDocumentFragment();
  let last = 0;
  for (const match of source.matchAll(TOKEN)) {
    if (match.index > last) fragment.append(source.slice(last, match.index));
    const span = document.createElement("span");
    span.className = "y-" + KINDS.find((kind) => match.groups[kind] !== undefined);
    span.textContent = match[0];
    fragment.append(span);
    last = match.index + match[0].length;
  }
  fragment.append(source.slice(last), "\n");
  return fragment;
}
