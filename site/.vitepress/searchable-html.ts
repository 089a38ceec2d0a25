/** Front matter of a page, as far as the search reads it. */
interface SearchFrontMatter {
  /** False for a page that is not found. */
  readonly search?: boolean;
  /** Words by which the page is found besides its own, separated by commas. */
  readonly keywords?: string;
}

/**
 * Returns the HTML of a page that the search indexes. Each keyword is a heading, since headings count most, of an anchor that the
 * page does not have, so that it leads to the page's top.
 */
export function searchableHtml(html: string, { search, keywords }: SearchFrontMatter = {}): string {
  if (search === false) return "";
  const headings = (keywords?.split(", ") ?? []).map(
    (keyword, i) => `<h2>${keyword} <a href="#keyword-${i}"></a></h2><p>${keyword}</p>`,
  );
  return html + headings.join("");
}
