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

// Emit takes one observed leaf.
type Emit func(p tree.Path, value any, at time.Time)

// Observe is how a feature turns what is reported into leaves of its State
// nodes. Each function is pure, and may be nil. A leaf that is not emitted again
// is gone.
type Observe struct {
	// Port emits what changes on events; it is called when a report says
	// something new of the port besides counters and rates.
	Port func(p *PortState, emit Emit)
	// Counters emits the samples of a port, with the time of the report.
	Counters func(p *PortState, emit Emit)
	Module   func(m *Module, emit Emit)
	System   func(s *Supervisor, emit Emit)
}
