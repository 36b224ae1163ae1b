import ePub from "epubjs";

export async function read(url) {
  const book = ePub(url);
  const { title } = await book.loaded.metadata;
  await book.opened;
  const chapter = await book.section("chapter2.xhtml").load(book.load.bind(book));
  const text = chapter.querySelector("p").textContent;
  return [title, text];
}
