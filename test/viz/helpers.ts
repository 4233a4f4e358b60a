/** A strict, small XML check: what a browser would refuse in an .svg file fails here too. */

/** An element of a parsed document. */
export interface XmlElement {
  name: string;
  attributes: Record<string, string>;
  children: XmlElement[];
  /** All text inside, children's included, with entities resolved. */
  text: string;
}

/** Parses one element and all inside it; throws on anything that is not well-formed. */
export function parseXml(source: string): XmlElement {
  // eslint-disable-next-line no-control-regex
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.exec(source);
  if (control) throw new Error(`control character at ${control.index}`);
  const root: XmlElement = { name: '', attributes: {}, children: [], text: '' };
  const stack = [root];
  const token =
    /<!--[\s\S]*?-->|<\/([\w:-]+)\s*>|<([\w:-]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|[^<]+/y;
  while (token.lastIndex < source.length) {
    const at = token.lastIndex;
    const match = token.exec(source);
    if (!match) throw new Error(`not well-formed at ${at}: ${source.slice(at, at + 80)}`);
    const [whole, closing, opening, attributes, empty] = match;
    const top = stack.at(-1)!;
    if (closing !== undefined) {
      if (top.name !== closing) throw new Error(`</${closing}> closes <${top.name}> at ${at}`);
      stack.pop();
    } else if (opening !== undefined) {
      const element: XmlElement = { name: opening, attributes: {}, children: [], text: '' };
      for (const [, name, value] of attributes!.matchAll(/([\w:-]+)="([^"]*)"/g)) {
        if (name! in element.attributes) throw new Error(`${name} twice in <${opening}> at ${at}`);
        element.attributes[name!] = unescapeXml(value!);
      }
      top.children.push(element);
      if (!empty) stack.push(element);
    } else if (!whole.startsWith('<!--')) {
      const text = unescapeXml(whole);
      for (const element of stack) element.text += text;
    }
  }
  if (stack.length !== 1) throw new Error(`<${stack.at(-1)!.name}> is not closed`);
  if (root.children.length !== 1) throw new Error(`${root.children.length} root elements`);
  return root.children[0]!;
}

/** The element and all elements inside it that have this name. */
export function all(element: XmlElement, name: string): XmlElement[] {
  const inside = element.children.flatMap((child) => all(child, name));
  return element.name === name ? [element, ...inside] : inside;
}

/** The bytes of a `data:image/png;base64,` URI. */
export function pngBytes(uri: string): Uint8Array {
  const head = 'data:image/png;base64,';
  if (!uri.startsWith(head)) throw new Error(`not a PNG data URI: ${uri.slice(0, 40)}`);
  return Uint8Array.from(atob(uri.slice(head.length)), (c) => c.charCodeAt(0));
}

function unescapeXml(text: string): string {
  return text.replace(/&([^;]{0,10};)?/g, (entity, name: string | undefined) => {
    const known: Record<string, string> = {
      'amp;': '&',
      'lt;': '<',
      'gt;': '>',
      'quot;': '"',
      '#39;': "'",
    };
    const value = name === undefined ? undefined : known[name];
    if (value === undefined) throw new Error(`unknown entity ${entity}`);
    return value;
  });
}
