package feature

import (
	"iter"
	"time"

	"trunkline/config/tree"
)

// Stamped is the value of a leaf of the state tree: what was seen, and when at
// its source.
type Stamped struct {
	Value any
	At    time.Time
}

// View is the operational state at one moment, as a tree with the paths of the
// features' State nodes. It never changes.
type View interface {
	// Tree holds the leaves that change on events; each value is a Stamped.
	// Trees of one source share what is equal, so tree.Diff of two of them
	// costs what has changed.
	Tree() tree.Tree
	// Samples yields the leaves that move all the time, as counters and rates
	// do, at and below a path of the tree; they are not in Tree.
	Samples(at tree.Path) iter.Seq2[tree.Path, Stamped]
}

// Observer is the source of Views: supervisor/state.
type Observer interface {
	View() View
	// Subscribe returns a channel that holds a token once the state has changed
	// since it was last taken from; cancel ends it.
	Subscribe() (wake <-chan struct{}, cancel func())
}

// Emit takes one observed leaf, at a path relative to what is observed. At is
// when the value came about at its source; zero for the time of what made the
// observation happen. A leaf whose value stays the same keeps its time.
type Emit func(p tree.Path, value any, at time.Time)

// Observe is how a feature turns what is reported, and what follows from
// configuration, into leaves of its State nodes. Each function is pure, and may
// be nil. A leaf that is not emitted again is gone.
type Observe struct {
	// Port emits what changes on events, below the entry of the interface. It is
	// called again when configuration has changed at or below one of the paths of
	// PortReads, besides the interface's own entry and what it inherits.
	Port      func(p *Observed, emit Emit)
	PortReads []tree.Path
	// PortSamples emits the samples of a port that is reported, with the time of
	// the report, below the entry of the interface.
	PortSamples func(p *PortState, emit Emit)
	// Module and ModuleSamples are the same for a slot, below its entry.
	Module        func(m *Module, emit Emit)
	ModuleSamples func(m *Module, emit Emit)
	// System and SystemSamples emit what the supervisor says of itself, below
	// the root.
	System        func(s *Supervisor, emit Emit)
	SystemSamples func(s *Supervisor, now time.Time, emit Emit)
	// Running emits what follows from the running configuration alone, below
	// the root. It is called again when configuration has changed at or below
	// one of the paths of Reads.
	Running func(c Running, emit Emit)
	Reads   []tree.Path
}

// Running is the running configuration as Observe sees it.
type Running struct {
	Tree      tree.Tree
	At        time.Time // of the commit
	Effective func(port string) tree.Tree
}

// Observed is one interface that is configured, reported, or both. It is
// observed anew when any of this changes besides counters and rates.
type Observed struct {
	Name string
	// Report is what its card says, nil for nothing.
	Report *PortState
	Config Running
	// Slot is that of the card that the interface is on, 0 for none, and Card
	// where that card is in its life.
	Slot int
	Card ModuleStatus
	// CardSince is the time of Card, zero for never changed.
	CardSince time.Time
	// Transitions is how often the port was seen to go up or down since the
	// supervisor started.
	Transitions uint64
	// At is the time of what made the observation happen, and Before what was
	// observed last: a tree of Stamped values below the entry.
	At     time.Time
	Before tree.Tree
}
