/* <code-field language="cel|prompt" places="…"> around a text area: edits it with colours and suggestions.
 *
 *   language   what the text is written in
 *   places     the id of the list of places that an expression may read
 *
 * What may be read stands in data-texts of the form (dashboard/panel/writing.py). The text area stays the field of the form: it holds
 * the text, is sent, and fires `input` and `change` as if somebody had typed there. Without this script it is simply there.
 */

import { CodeField } from "./field";

customElements.define("code-field", CodeField);
