/* As the other fields of the page, from its own colours and sizes; so one theme is both. */

import { EditorView } from "@codemirror/view";

const FLOAT = { border: "0", borderRadius: "var(--radius)", background: "var(--raised)", color: "var(--ink)", boxShadow: "var(--shadow-float)" };

export const theme = EditorView.theme({
  "&": { minHeight: "var(--code-least)", maxHeight: "60vh", border: "1px solid var(--line-control)", borderRadius: "var(--radius)", background: "var(--raised)", color: "var(--ink)", fontSize: "var(--code-size)", overflow: "hidden", resize: "vertical" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "0", borderColor: "var(--accent)" },
  "&:has(.cm-content[aria-invalid=true])": { borderColor: "var(--bad)" },
  ".cm-scroller": { flex: "1", minHeight: "0", fontFamily: "var(--mono)", fontVariantLigatures: "none", lineHeight: "var(--lead)", overflow: "auto" },
  ".cm-content": { alignSelf: "stretch", padding: "0.25rem 0", caretColor: "var(--ink)" },
  ".cm-line": { padding: "0 var(--s2)" },
  ".code-mark, .code-sign": { color: "var(--ink-3)" },
  ".code-name, .code-part": { color: "var(--accent)" },
  ".code-call, .code-word": { color: "var(--odd)" },
  ".code-text": { color: "var(--good)" },
  ".code-number": { color: "var(--slow)" },
  ".code-note": { color: "var(--ink-3)", fontStyle: "italic" },
  ".code-unknown": { color: "var(--bad)", textDecoration: "underline wavy", textDecorationSkipInk: "none", textUnderlineOffset: "0.2em" },
  ".cm-tooltip": FLOAT,
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { minWidth: "min(16rem, 80vw)", maxWidth: "min(32rem, calc(100vw - 2rem))", maxHeight: "14rem", padding: "0.25rem", fontFamily: "var(--mono)", fontSize: "var(--t-work)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { display: "flex", flexWrap: "wrap", justifyContent: "space-between", gap: "0 var(--s3)", alignItems: "center", minHeight: "var(--code-option)", padding: "0.125rem var(--s2)", borderRadius: "var(--radius)", lineHeight: "1.25rem" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { background: "var(--accent-soft)", color: "var(--ink)" },
  ".cm-completionLabel": { overflowWrap: "anywhere", whiteSpace: "normal" },
  ".cm-completionMatchedText": { color: "var(--accent-strong)", fontWeight: "600", textDecoration: "none" },
  ".cm-completionDetail": { marginInlineStart: "0", overflow: "hidden", textOverflow: "ellipsis", color: "var(--ink-2)", fontFamily: "var(--sans)", fontStyle: "normal" },
  ".cm-completionInfo": { maxWidth: "min(20rem, calc(100vw - 2rem))", padding: "var(--s2) var(--s3)", color: "var(--ink-2)", fontSize: "var(--t-tiny)", whiteSpace: "pre-line", overflowWrap: "anywhere" },
  // Where there is no room beside the list: beyond its far end, so that it hides neither the list nor what is written.
  ".cm-completionInfo-left-narrow, .cm-completionInfo-right-narrow": { insetInline: "0 !important", maxWidth: "none !important" },
  ".cm-tooltip-below > .cm-completionInfo-left-narrow, .cm-tooltip-below > .cm-completionInfo-right-narrow": { top: "calc(100% + 0.25rem) !important" },
  ".cm-tooltip-above > .cm-completionInfo-left-narrow, .cm-tooltip-above > .cm-completionInfo-right-narrow": { top: "auto !important", bottom: "calc(100% + 0.25rem)" },
});
