/**
 * A tagged template that escapes: every value put into `html` is text unless it is markup that
 * this same template made or that `trusted` vouches for. Used for HTML and for SVG alike.
 */

/** Markup that is already escaped. Only `html` and `trusted` make it. */
export class Markup {
  constructor(private readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

/** What a template may hold: text, numbers, markup, lists of them; null and false print nothing. */
export type HtmlValue = string | number | Markup | null | undefined | false | readonly HtmlValue[];

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters, lone surrogates and non-characters: not allowed in XML, not even escaped. */
const NOT_XML =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** `text` with what XML does not allow replaced by U+FFFD; nothing is escaped yet. */
export function cleanText(text: string): string {
  return text.replace(NOT_XML, '\ufffd');
}

/** `text` made safe for element content and for quoted attribute values, in HTML and in XML. */
export function escapeHtml(text: string): string {
  return cleanText(text).replace(/[&<>"']/g, (c) => ENTITIES[c]!);
}

/** Vouches for markup from elsewhere, such as an SVG of this library: it is not escaped again. */
export function trusted(markup: string): Markup {
  return new Markup(markup);
}

/**
 * Builds markup; every value is escaped unless it is `Markup`. Indentation in the template itself is
 * left out of the result; values keep theirs.
 *
 * @example
 * html`<p>${'1 < 2'}</p>`.toString(); // '<p>1 &lt; 2</p>'
 */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Markup {
  const fixed = strings.map((text) => text.replace(/\n\s+/g, '\n'));
  let out = fixed[0]!;
  values.forEach((value, i) => (out += render(value) + fixed[i + 1]!));
  return new Markup(out);
}

function render(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Markup) return value.toString();
  if (Array.isArray(value)) return value.map(render).join('');
  return escapeHtml(String(value));
}
