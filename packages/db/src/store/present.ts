type Present<Fields> = { [Field in keyof Fields]?: NonNullable<Fields[Field]> }

/** Leaves out fields that are null, because the registry's types have them absent instead. */
export function present<Fields extends object>(fields: Fields): Present<Fields> {
  const entries = Object.entries(fields).filter(([, value]) => value != null)
  return Object.fromEntries(entries) as Present<Fields>
}
