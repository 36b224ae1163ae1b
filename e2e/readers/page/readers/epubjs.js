import ePub from "epubjs";

export async function read(url) {
  // It decides by the URL's extension, which a handle does not have.
  const book = ePub(url, { openAs: "epub" });
  const { title } = await book.loaded.metadata;
  await book.opened;
  const chapter = await book.section("chapter2.xhtml").load(book.load.bind(book));
  const text = chapter.querySelector("p").textContent;
  return [title, text];
}
