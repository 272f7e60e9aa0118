// An entry of its own, so that a program can read its settings without loading a database driver.
export { validFieldName } from './settings/fields.js'
export { ownSettingsFiles } from './settings/ownSettingsFiles.js'
export {
  callerDefaults,
  listSettings,
  namesDatabase,
  readSetting,
  type Setting,
} from './settings/readSettings.js'
export { type SettingsFileState, settingsFileStates } from './settings/settingsFileStates.js'
export { type WrittenSetting, writeSetting } from './settings/writeSetting.js'
