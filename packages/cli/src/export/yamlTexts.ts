import { Document, isMap, isSeq, parseAllDocuments, Scalar, visit } from 'yaml'

/**
 * Quotes texts such as yes and 22:22. Go's YAML library reads them as YAML 1.1 does, which is not as
 * strings.
 */
const FORMAT = { compat: 'yaml-1.1' } as const

/**
 * A YAML file with one key, and the lines of a block under this key. For an empty list or mapping
 * the block has no lines, because entries of the file may follow it.
 * @param comments one before each item of a list
 */
export function yamlTexts(under: string, value: object, comments: readonly string[] = []) {
  const inside = new Document(value, FORMAT)
  const { contents } = inside
  const isEmpty = (isMap(contents) || isSeq(contents)) && contents.items.length === 0
  for (const [index, comment] of comments.entries()) {
    const item = isSeq(contents) && contents.items[index]
    if (isMap(item)) item.commentBefore = ` ${comment}`
  }
  const whole = new Document({ [under]: null }, FORMAT)
  whole.set(under, contents)
  const yaml = { under, inside: isEmpty ? '' : textOf(inside), isList: isSeq(contents) }
  return { whole: textOf(whole), yaml }
}

/** A YAML file with that value. */
export function yamlText(value: unknown): string {
  return textOf(new Document(value, FORMAT))
}

/** A width of 0 keeps long texts on one line. */
function textOf(document: Document): string {
  return document.toString({ lineWidth: 0 })
}

/** A list that replaces the one of earlier Compose files, with all texts in quotes. */
export function overriding(list: readonly unknown[]) {
  const node = new Document().createNode(list)
  node.tag = '!override'
  visit(node, {
    Scalar(key, scalar) {
      if (key !== 'key' && typeof scalar.value === 'string') scalar.type = Scalar.QUOTE_DOUBLE
    },
  })
  return node
}

/** The first error in a YAML text. Undefined if the text is valid. */
export function faultInYaml(text: string): string | undefined {
  const documents = parseAllDocuments(text, { logLevel: 'error' })
  const errors = 'empty' in documents ? [] : documents.flatMap((document) => document.errors)
  return errors[0]?.message.split('\n')[0]
}
