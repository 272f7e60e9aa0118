import { Document, isMap, isSeq, parseAllDocuments, Scalar, visit } from 'yaml'

/** Go's YAML reads some texts as YAML 1.1 does, such as yes and 22:22. They are quoted. */
const FORMAT = { compat: 'yaml-1.1' } as const

/**
 * A YAML file with one key, and the lines that a block under this key has. Empty lists and mappings
 * have no lines, because others may follow.
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

/** Long texts stay on one line. */
function textOf(document: Document): string {
  return document.toString({ lineWidth: 0 })
}

/** A list for Compose that replaces the one of the files before, with all texts in quotes. */
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

/** Why a text is no YAML. Undefined if it is. */
export function faultInYaml(text: string): string | undefined {
  const documents = parseAllDocuments(text, { logLevel: 'error' })
  const errors = 'empty' in documents ? [] : documents.flatMap((document) => document.errors)
  return errors[0]?.message.split('\n')[0]
}
