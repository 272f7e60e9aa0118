export { ACCESS_LEVELS, type AccessLevel } from './AccessLevel.js'
export type {
  AllocationRequest,
  AllocationStore,
  ClaimRequest,
  EnsuredPort,
  EnsureRequest,
  HoldingSelection,
  KnownHost,
  ListQuery,
  ListResult,
  MovedPort,
  MoveRequest,
  Neighbourhood,
  NeighbourhoodQuery,
  NewAllocationRequest,
  PageKey,
  RenewedLease,
  RenewRequest,
  RestingPort,
  RestingQuery,
  Selection,
} from './AllocationStore.js'
export { given, isAbsent } from './absent.js'
export { actorHere, validActor } from './actor.js'
export type {
  BatchEntry,
  EnsuredAllocation,
  EnsureManyResult,
  SkippedInScope,
} from './allocation/ensureMany.js'
export type { EnsureResult, SkippedPort } from './allocation/ensurePort.js'
export {
  describeSameCloudflareHostname,
  othersToTell,
  type SameCloudflareHostname,
} from './allocation/sameCloudflareHostname.js'
export {
  type AuditConflict,
  type AuditResult,
  type AuditUnverified,
  type CheckedProcess,
  CONFLICT_KINDS,
  type HealthCheck,
} from './audit/Audit.js'
export type { AuditOptions } from './audit/auditPorts.js'
export type {
  Batch,
  BatchAllocation,
  BatchItem,
  BatchRequest,
  BatchStore,
  Layout,
  ManyRequest,
} from './BatchStore.js'
export { intersection } from './bounds.js'
export type { CallerDefaults } from './CallerDefaults.js'
export type { Actor, CallOptions, GivingOptions, Limits, WriteOptions } from './CallOptions.js'
export type {
  Checkout,
  CheckoutRequest,
  CheckoutStore,
  EnsuredCheckout,
} from './CheckoutStore.js'
export type { CheckStore } from './CheckStore.js'
export type { CheckoutOfDirectory } from './checkout/checkoutRequest.js'
export { type GoneCheckout, goneCheckouts, type LeftPort } from './checkout/goneCheckouts.js'
export { isGone } from './checkout/isGone.js'
export type { Container, PublishedPort } from './containers/Container.js'
export {
  type ReadContainersOptions,
  readContainers,
  type SeenContainers,
  type UnreachableSocket,
} from './containers/readContainers.js'
export { counted } from './counted.js'
export type { EventKey, EventPage, EventQuery, EventStore } from './EventStore.js'
export type { AllocatePortOptions, PortConflict, UpdatePortOptions } from './earlierTypes.js'
export {
  batchDoesNotFit,
  cannotCombine,
  type ErrorDetails,
  EXIT_STATUS,
  type Exhausted,
  invalidArgument,
  layoutMismatch,
  type Misfit,
  type Mismatch,
  noRegistry,
  type OutOfRange,
  PortsError,
  type PortsErrorCode,
  portOutOfRange,
  portTaken,
  projectNotFound,
  rangeExhausted,
  type Surrounded,
  type Taken,
  unverifiable,
} from './errors.js'
export { eventText, subjectOfEvent } from './eventText.js'
export { excerpt, shown } from './excerpt.js'
export type {
  ExplainedContainer,
  ExplainedListener,
  Explanation,
  Holder,
} from './explain/Explanation.js'
export {
  type CheckedPort,
  type CheckListOptions,
  type Health,
  isFlapping,
  type RecordedCheck,
  uptimePercent,
} from './health/Health.js'
export { validHostname } from './hostname.js'
export { nameOfInstance } from './instance.js'
export type { Limit, LimitState, LimitStore, LimitSubject } from './LimitStore.js'
export { type Lost, leaseLost } from './lease/leaseLost.js'
export { limitReached, type Reached } from './limit/limitReached.js'
export { HIGHEST_LIMITS } from './limit/requests.js'
export type { CheckOptions } from './listeners/checkListener.js'
export { type EphemeralOverlap, ephemeralOverlap } from './listeners/ephemeralPorts.js'
export { INITIAL_NETWORK, networkHere } from './listeners/network.js'
export {
  type PortSighting,
  type SeenListener,
  type Sighting,
  UNKNOWN_REASONS,
  type UnknownReason,
  type Verdict,
} from './listeners/Sighting.js'
export { isLoopback } from './localHost.js'
export { nearestName } from './name.js'
export { lookalikes, probablyMeant } from './nearestNames.js'
export { onAbort } from './onAbort.js'
export type {
  AllocateManyOptions,
  AllocateOptions,
  AllocationPage,
  ClaimOptions,
  ClaimResult,
  EnsureManyOptions,
  EnsureOptions,
  GetOptions,
  HistoryOptions,
  HistoryPage,
  ImportOptions,
  InstanceOption,
  LeaseOption,
  ListOptions,
  MoveOptions,
  MoveResult,
  NarrowOptions,
  NeighbourhoodOptions,
  PageOptions,
  PortManagerOptions,
  ReleaseOptions,
  RenewOptions,
  ReservationOption,
  ReserveResult,
  ResizeOptions,
  UpdateOptions,
} from './options.js'
export {
  type AllocationStatus,
  METADATA_FIELDS,
  type Metadata,
  type MetadataChange,
  nameOfService,
  type PortAllocation,
  PROTOCOLS,
  type Protocol,
  type ReleasedPort,
  type Scope,
  type Service,
  type ServiceKey,
} from './PortAllocation.js'
export { EVENT_KINDS, type PortEvent } from './PortEvent.js'
export { PortManager } from './PortManager.js'
export {
  BLOCK_SEARCH,
  type Bounds,
  DEFAULT_RANGE_SIZE,
  LARGEST_BLOCK,
  LARGEST_ENSURED_BLOCK,
  type PortRange,
  type PortSummary,
} from './PortRange.js'
export type { PortRepository } from './PortRepository.js'
export type { ProcessRecord, ProcessStore, RecordedProcess } from './ProcessStore.js'
export { BLOCKED_PORTS } from './passedOver/blockedPorts.js'
export { type HostLook, lookAtHost } from './passedOver/lookAtHost.js'
export { PassedOver, type PassedOverRange } from './passedOver/PassedOver.js'
export type { PassOverOption } from './passedOver/passOver.js'
export {
  CANNOT_SEE,
  type CannotSee,
  PASS_OVER_REASONS,
  type PassOverReason,
  SKIP_REASONS,
} from './passedOver/reasons.js'
export { skippedText } from './passedOver/skippedText.js'
export { printable, printableJson, printableLines } from './printable.js'
export type { AttributedProcess } from './processes/attributeUse.js'
export { directoryText } from './processes/directoryText.js'
export { distinctServers, isDecisive } from './processes/distinctServers.js'
export { foregroundOf, isInForeground } from './processes/foregroundOf.js'
export {
  type HostListener,
  type ListeningProcess,
  listenersOfHost,
  listenersOfTree,
  type OwnListener,
  type PortUse,
  type UsedListener,
  useOfPort,
} from './processes/listeningProcesses.js'
export { nameOfOwner } from './processes/nameOfOwner.js'
export { isAlive, startOf } from './processes/procFs.js'
export { type Attribution, type Owner, WHOSE, type Whose } from './processes/Recorded.js'
export {
  type CheckoutOfOptions,
  checkoutOf,
  type FoundCheckout,
  findCheckout,
} from './project/checkoutOf.js'
export { currentDirectory } from './project/currentDirectory.js'
export { ensureListed } from './project/ensureListed.js'
export {
  type EnsuredProject,
  ensureProject,
  type ProjectRequest,
  type ServicePorts,
} from './project/ensureProject.js'
export { environmentName } from './project/environmentName.js'
export {
  findProject,
  type LocalProject,
  packageJsonIn,
  packageNameIn,
  rootWithFile,
} from './project/findProject.js'
export { gitWorktree } from './project/gitWorktree.js'
export { isInside } from './project/isInside.js'
export { isOfCheckout } from './project/isOfCheckout.js'
export { filesInRepository, nearestPackage, nearestWith } from './project/nearest.js'
export { noteMadeFrom } from './project/noteMadeFrom.js'
export {
  PROJECT_FILE,
  type ProjectFile,
  type ProjectService,
  validProjectFile,
} from './project/ProjectFile.js'
export type {
  BlockRequest,
  EnsuredRange,
  RangeChoice,
  RangeStore,
  RangeUsage,
} from './RangeStore.js'
export type { OpenOptions, RepositoryOpener } from './RepositorySource.js'
export type {
  Reservation,
  ReservationRequest,
  ReservationScope,
  ReservationStore,
  ReservedNumbers,
} from './ReservationStore.js'
export { nameOfRange } from './range/nameOfRange.js'
export {
  noFreeBlock,
  type Overlap,
  type RangeChange,
  type RangeHolder,
  rangeInUse,
  rangeOverlap,
  rangesOverlap,
  type UnclearRange,
  unclearRange,
  type WantedRange,
} from './range/rangeErrors.js'
export type { NewRange, NewRangeNumbers } from './range/requests.js'
export { readTextFile, textOfFile } from './readTextFile.js'
export { portReserved, type Reserved } from './reservation/portReserved.js'
export type { ReserveOptions } from './reservation/requests.js'
export { statOf } from './statOf.js'
export type {
  Holding,
  ImportMode,
  ImportOutcome,
  TransferStore,
} from './TransferStore.js'
export { toSeconds } from './toSeconds.js'
export type { ImportedRow, ImportReport, ImportRow } from './transfer/importPorts.js'
export type {
  DumpedAllocation,
  DumpedCheckout,
  DumpedEvent,
  DumpedLimit,
  DumpedProject,
  DumpedRange,
  DumpedReservation,
  DumpedRest,
  RegistryContent,
  RegistryDocument,
} from './transfer/RegistryDocument.js'
export { type RegistryHolder, registryInUse } from './transfer/registryInUse.js'
export { unmappedUid } from './unmappedUid.js'
export { MAX_LENGTH, validCount } from './validate.js'
