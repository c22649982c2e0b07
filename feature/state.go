package feature

import (
	"context"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"time"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/internal/ether"
)

// Query is what a command sees: its arguments and snapshots taken when it
// started.
type Query struct {
	Args             Args
	Running, Startup tree.Tree
	// Schema is that of all features; it prints configuration.
	Schema *schema.Schema
	// Changed is when the running configuration was last committed, zero if
	// never since it was made.
	Changed   time.Time
	Effective func(port string) tree.Tree
	State     *State
	Now       time.Time
	Session   Session
	// Module asks a line card; the reply's form belongs to the feature that
	// asks. It and Stack are the only parts of a Query that block.
	Module func(ctx context.Context, slot int, feature string, request []byte) ([]byte, error)
	// Stack asks the supervisor's machine what the IP stack of one of its own
	// interfaces has; nil without such interfaces.
	Stack func(name string) (Stack, error)
	// Messages is the log file, nil for none.
	Messages Messages
	// Monitor shows the switch's messages on the terminal of a login as they
	// come, or no longer, and reports whether that has a terminal; may be nil.
	Monitor func(login uint64, on bool) bool
	// SchedulerLog returns the log file of jobs that have run; nil for none.
	SchedulerLog func() (string, error)
}

// Session is who asked.
type Session struct {
	User, From string // "admin", "192.0.2.99@pts/1" or "console0"
	TTY        string // "/dev/pts/3", "" without a terminal
	Role       Role
	// Address is the host that a remote user comes from, "" for the machine
	// itself; PID the process that serves him or is his terminal's, 0 if not
	// known.
	Address string
	PID     int
	Login   uint64 // the ID of his login, 0 for none
}

// Login is a session that somebody has with the switch.
type Login struct {
	ID      uint64
	User    string
	Role    Role
	Line    string // "pts/1", "console0"
	Address string // the host he comes from, "" for the machine itself
	PID     int
	Since   time.Time
	Idle    time.Duration // since he was last seen
}

// State is a snapshot of what modules report.
type State struct {
	Supervisor Supervisor
	Modules    []Module    // by slot; absent ones too, once known
	Hosts      []HostKey   // by UUID: hosts that have enrolled or were refused
	Ports      []PortState // in the order of cli.md §1
	Logins     []Login     // consoles first, then by line
	// Schedules are the runs of schedules since the supervisor began, by name.
	Schedules map[string]ScheduleRun
	// Reports are what Feature.Report has made of the sections of cards that
	// have a session, by feature and slot. Nobody changes them.
	Reports map[string]map[int]any
	// Blocked are the users who are locked out for failed logins, by name.
	Blocked []Blocked
	// Servers are what became of requests to servers of users, those that were
	// asked.
	Servers map[ServerKey]ServerCounters
	// Down are the features whose server does not run, whatever configuration
	// says.
	Down  map[string]bool
	NXAPI NXAPI
	// LogServers are the servers that messages are sent to, in order.
	LogServers []LogServer
	// Clock is how it goes with the time from the network.
	Clock Clock
}

// NXAPI is the NX-API server as it runs.
type NXAPI struct {
	HTTP, HTTPS     int           // TCP ports that it listens on, 0 for none
	Cookie, Command time.Duration // how long a cookie is good and a command may last
	Issuer          string        // of the certificate of HTTPS
	Expires         time.Time
}

// Reported yields what cards report for a feature, by slot.
func Reported[R any](s *State, feature string) iter.Seq2[int, R] {
	return func(yield func(int, R) bool) {
		of := s.Reports[feature]
		for _, slot := range slices.Sorted(maps.Keys(of)) {
			if r, ok := of[slot].(R); ok && !yield(slot, r) {
				return
			}
		}
	}
}

// Blocked is a user who may not log in until then.
type Blocked struct {
	User  string
	Until time.Time
}

// Supervisor is what the VSM says of itself.
type Supervisor struct {
	Started      time.Time
	Boot         time.Time // of the kernel
	ResetReason  string
	Address      string // of mgmt0, "" for none
	Serial, GUID string
	// Fingerprint is the SHA-256 of the chassis's certificate, in hex.
	Fingerprint string
	Version     string // of the software: "1.0(1)"
	// Mgmt is mgmt0; its Name is empty when there is none. Prefixes are its
	// addresses with the lengths of their subnets, IPv4 first.
	Mgmt         PortState
	MgmtShutdown bool // configuration has it shut down
	Prefixes     []netip.Prefix
	// SVIs are the switch's own interfaces in VLANs as their devices are, by VLAN.
	SVIs              []VLANInterface
	MemoryKB, FlashKB uint64
	MAC               ether.MAC
	CPU               string // model name, "" if not known
	Resources         Resources
}

// VLANInterface is one of the switch's own interfaces in VLANs. Its Adapter is the device,
// whatever there is of that; Prefixes are its addresses in force with the lengths
// of their subnets, IPv4 first.
type VLANInterface struct {
	PortState
	Prefixes []netip.Prefix
	Index    int // of the device, 0 for none
}

// Resources is the load of the supervisor's machine.
type Resources struct {
	Load               [3]float64 // over 1, 5 and 15 minutes
	Processes, Running int
	CPU                CPUShare   // of all
	CPUs               []CPUShare // of each
	TotalKB, FreeKB    uint64     // memory; free includes what can be reclaimed
	// Busy is the share of all processors, and Interrupts that of interrupts
	// over the last seconds, in percent.
	Busy       Shares
	Interrupts float64
	// Table holds the processes by PID, the first MaxProcesses of them.
	Table []Process
}

// MaxProcesses is how many processes are told.
const MaxProcesses = 512

// CPUShare is how a processor spends its time, in percent.
type CPUShare struct{ User, Kernel, Idle float64 }

// ModuleStatus is a module's place in its life cycle.
type ModuleStatus uint8

// Module states.
const (
	ModuleAbsent    ModuleStatus = iota // known, no session
	ModulePoweredUp                     // session, first program not acknowledged
	ModuleOK                            // session, program acknowledged
)

// Module is one line card as the supervisor knows it.
type Module struct {
	Slot                int
	Status              ModuleStatus
	EverSeen            bool
	UUID, Host, Address string
	Version, OS         string
	Since               time.Time // of Status
	LastSeen            time.Time // of the last message from it, zero for never
	MAC                 ether.MAC // base address
	Desired, Applied    uint64    // program generations
	// Unsupported are the features whose sections the card cannot apply, in
	// order.
	Unsupported []string
	// Messages and life cycle counts of show module vem counters.
	NodeRequestsIn, InsertedOut, InsertedIn uint64
	HeartbeatsOut, HeartbeatsIn             uint64
	Insertions, Removals, SendErrors        uint64
}

// HostKey is a host of a line card as its certificate has it.
type HostKey struct {
	UUID        string
	Fingerprint string    // SHA-256 of its public key in hex, "" before it has enrolled
	Since       time.Time // of the key
	Refused     string    // why it was refused since it last attached, "" if it was not
}

// PortState is one port as its module reports it.
type PortState struct {
	Name    string // "Vethernet3"
	Module  int    // slot; 0 while detached
	Up      bool
	Reason  string // cli.md §11.4: "none", "Link not connected"
	Kind    string // adapter kind: "tap", "veth", "virtio_net"
	Adapter string // device on the host or in the workload: "eth0"
	Owner   string // "netns h1", "kvm-a"
	Driver  string // "packet", "tap" and its mode, for show module N datapath
	MAC     ether.MAC
	MTU     uint32
	Mbps    uint32    // 0: unknown
	Since   time.Time // of the last change of Up; zero: never changed
	Cleared time.Time // of the last clearing of counters
	Resets  uint64
	// Error is why a program could not be applied to the port: quarantine.
	Error    string
	Counters Counters
	Rates    [2]Rates // over 30 s and over 300 s
}

// Rates are averages over one load interval, per second.
type Rates struct{ RxBits, RxFrames, TxBits, TxFrames uint64 }

// Counters count frames and octets since the last clearing; rx is from the
// workload or wire into the switch. A segmentation-offload frame counts as the
// frames it stands for.
type Counters struct {
	RxUnicast, RxMulticast, RxBroadcast, RxOctets, RxJumbo uint64
	TxUnicast, TxMulticast, TxBroadcast, TxOctets, TxJumbo uint64
	// Drops are the frames received on (rx) or meant for (tx) the port that
	// were dropped, by reason name, zero counts left out.
	RxDrops, TxDrops map[string]uint64
}

// Host is what an Exec may do to the product.
type Host interface {
	// Commit applies edits as one transaction.
	Commit(ctx context.Context, s Session, line string, edits ...Edit) error
	// SaveStartup makes the running configuration the startup configuration,
	// on behalf of a session.
	SaveStartup(ctx context.Context, s Session) error
	// EraseStartup removes the startup configuration.
	EraseStartup(ctx context.Context) error
	// Reload restarts the supervisor from the startup configuration;
	// ReloadModule restarts one line card's session and program.
	Reload(ctx context.Context) error
	ReloadModule(ctx context.Context, slot int) error
	// ForgetHost makes the key of a host, by UUID, unknown: it may enrol with a
	// new one.
	ForgetHost(ctx context.Context, uuid string) error
	// Disconnect ends the session of a login and reports whether there was one.
	Disconnect(login uint64) bool
	// ClearSchedulerLog empties the log file of jobs that have run.
	ClearSchedulerLog() error
	// Resolve returns the addresses of a host by name or address, at least one or
	// an error.
	Resolve(ctx context.Context, host string) ([]netip.Addr, error)
	// SetClock sets the clock of the machine, if the supervisor may.
	SetClock(ctx context.Context, to time.Time) error
	// Unblock lets a user log in again who is locked out for failed logins, or
	// all for "", and reports whether there was one.
	Unblock(user string) bool
	// TryLogin reports whether the first of some servers that answers lets a user
	// in; it is an error if none answers.
	TryLogin(ctx context.Context, servers []ServerKey, user, password string) (bool, error)
	// ClearServerCounters clears what became of requests to a server.
	ClearServerCounters(server ServerKey)
	// ClearCounters clears the counters of one port, or of all for "".
	ClearCounters(ctx context.Context, port string) error
}

// Edit is one change of configuration: Value at Path, or with Delete set the
// removal of the node.
type Edit struct {
	Path   tree.Path
	Value  any
	Delete bool
}
