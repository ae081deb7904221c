/* Texts cut into what has a colour, a meaning for suggestions, or both: a reader's aid, not a parser. */

export type Kind = "sign" | "name" | "part" | "call" | "word" | "text" | "number" | "note" | "mark";
export interface Token {
  kind: Kind;
  from: number;
  to: number;
  text: string;
}

/** Whether this place is within a text or a note: what is never closed goes on behind its last sign. */
export function isQuoted(tokens: Token[], pos: number): boolean {
  return tokens.some(({ kind, from, to, text }) => (kind === "text" || kind === "note") && from < pos && (pos < to || (pos === to && !isClosed(text))));
}

function isClosed(text: string): boolean {
  return text.startsWith("{") ? /[#%]\}$/.test(text) : !text.startsWith("//") && /^[rRbB]*(['"]).*\1$/s.test(text) && !/^[rRbB]*['"]$/.test(text);
}

const CEL =
  /(?<note>\/\/[^\n]*)|(?<text>[rRbB]{0,2}(?:'''[^]*?(?:'''|$)|"""[^]*?(?:"""|$)|'(?:\\.|[^'\\\n])*(?:'|(?=\n)|$)|"(?:\\.|[^"\\\n])*(?:"|(?=\n)|$)))|(?<part>(?<=\.\s*)[A-Za-z_]\w*(?!\w*\s*\())|(?<call>[A-Za-z_]\w*(?=\s*\())|(?<word>\b(?:true|false|null|in)\b)|(?<name>[A-Za-z_]\w*)|(?<number>\d[\w.]*)|(?<sign>[&|=!<>+\-*\/%?:]+)/g;
const PIECE = /(?<note>\{#[^]*?(?:#\}|$))|(?<raw>\{%-?\s*raw\s*-?%\}[^]*?(?:\{%-?\s*endraw\s*-?%\}|$))|(?<open>\{\{|\{%)[-+]?/g;
const INSIDE =
  /(?<close>[-+]?(?:\}\}|%\}))|(?<text>'(?:\\.|[^'\\])*(?:'|$)|"(?:\\.|[^"\\])*(?:"|$))|(?<word>\b(?:if|elif|else|endif|for|endfor|in|not|and|or|is|true|false|none|True|False|None)\b)|(?<part>(?<=\.\s*)[A-Za-z_]\w*)|(?<call>(?<=\|\s*|\bis\s+(?:not\s+)?)[A-Za-z_]\w*)|(?<name>[A-Za-z_]\w*(?!\w|\s*=[^=]))|(?<sign>[A-Za-z_]\w*(?=\s*=)|[=!<>+\-~|]+)|(?<number>\d[\d.]*)/g;

const FARTHEST = 2_000;

export function cel(source: string): Token[] {
  return [...source.matchAll(CEL)].map((found) => token(found));
}

/** Of a prompt, what stands in its braces. */
export function prompt(source: string): Token[] {
  const found: Token[] = [];
  PIECE.lastIndex = 0;
  for (let piece = PIECE.exec(source); piece; piece = PIECE.exec(source)) {
    const at = piece.index;
    if (!piece.groups!.open) {
      found.push({ kind: "note", from: at, to: PIECE.lastIndex, text: piece[0] });
      continue;
    }
    found.push({ kind: "mark", from: at, to: PIECE.lastIndex, text: piece[0] });
    PIECE.lastIndex = inside(source, PIECE.lastIndex, found);
  }
  return found;
}

/** Up to what closes it, where that is gives back; an expression that is never closed ends with its line. */
function inside(source: string, from: number, found: Token[]): number {
  const line = source.indexOf("\n", from);
  const closed = source.slice(from, from + FARTHEST).search(/\}\}|%\}/) + from;
  const unclosed = closed < from || (line >= 0 && line < closed && /\{\{|\{%/.test(source.slice(from, closed)));
  const end = unclosed ? (line < 0 ? source.length : line) : source.length;
  INSIDE.lastIndex = from;
  for (let next = INSIDE.exec(source); next && next.index < end; next = INSIDE.exec(source)) {
    found.push(token(next));
    if (next.groups!.close) return INSIDE.lastIndex;
  }
  return end;
}

function token(found: RegExpExecArray | RegExpMatchArray): Token {
  const kind = Object.entries(found.groups!).find(([, text]) => text !== undefined)![0];
  const from = found.index!;
  return { kind: (kind === "close" ? "mark" : kind) as Kind, from, to: from + found[0].length, text: found[0] };
}
