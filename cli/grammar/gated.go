package grammar

import (
	"slices"
	"strings"
	"sync"
)

// Gated holds commands of which some are there only while their gates are open
// (cli.md §4.2). It makes the table for each set of open gates that occurs, once;
// gates are few, and in practice rarely touched.
type Gated struct {
	commands []Command
	gates    []string // of the commands
	all      *Table   // with all gates open

	mu     sync.Mutex
	tables map[string]*Table // by the gates that are closed
}

// NewGated compiles commands, as NewTable does. Commands clash even if their
// gates are never open together.
func NewGated(commands ...Command) (*Gated, error) {
	all, err := NewTable(commands...)
	if err != nil {
		return nil, err
	}
	g := &Gated{commands: commands, all: all, tables: map[string]*Table{}}
	for _, c := range commands {
		if c.Gate != "" && !slices.Contains(g.gates, c.Gate) {
			g.gates = append(g.gates, c.Gate)
		}
	}
	return g, nil
}

// All returns the table with all gates open.
func (g *Gated) All() *Table { return g.all }

// Table returns the commands whose gates are open.
func (g *Gated) Table(open func(gate string) bool) *Table {
	var closed []string
	for _, gate := range g.gates {
		if !open(gate) {
			closed = append(closed, gate)
		}
	}
	if closed == nil {
		return g.all
	}
	key := strings.Join(closed, "|")
	g.mu.Lock()
	defer g.mu.Unlock()
	if t := g.tables[key]; t != nil {
		return t
	}
	t, err := NewTable(slices.DeleteFunc(slices.Clone(g.commands), func(c Command) bool { return slices.Contains(closed, c.Gate) })...)
	if err != nil {
		panic("fewer commands than compiled: " + err.Error()) // some of what compiled does too
	}
	g.tables[key] = t
	return t
}
