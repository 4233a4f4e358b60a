import { describe, expect, test } from 'vitest';
import { html, trusted } from '../../src/viz/html.js';

describe('html', () => {
  test('escapes text in content and in attributes', () => {
    const name = `<script>"&'</script>`;
    expect(html`<a title="${name}">${name}</a>`.toString()).toBe(
      '<a title="&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;">' +
        '&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;</a>',
    );
  });

  test('does not escape markup of its own, trusted markup and lists of them', () => {
    const items = ['<', '>'].map((text) => html`<i>${text}</i>`);
    expect(html`<b>${items}${trusted('<hr/>')}</b>`.toString()).toBe(
      '<b><i>&lt;</i><i>&gt;</i><hr/></b>',
    );
  });

  test('prints nothing for null, undefined and false, but prints 0 and the empty text', () => {
    expect(html`[${null}${undefined}${false}${0}${''}]`.toString()).toBe('[0]');
  });

  test('replaces characters that XML does not allow', () => {
    expect(html`${'a\u0000b\ud800c\u{1f600}'}`.toString()).toBe('a\ufffdb\ufffdc\u{1f600}');
  });

  test('keeps the line breaks and indentation of values', () => {
    expect(html`<pre>${'a\n    b'}</pre>`.toString()).toBe('<pre>a\n    b</pre>');
  });
});
