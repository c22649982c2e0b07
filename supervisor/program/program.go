// Package program turns configuration into the programs of line cards: a pure
// function of the committed tree, by feature and slot.
//
// A tree is compiled when somebody first asks for it, once per slot, and what
// came out is kept with the tree: the check before a commit and the sessions
// after it share the work. A program's generation is that of the configuration
// in which its sections last changed, so a card is left alone by commits that
// are none of its business.
//
// All methods may be called from any goroutine. One mutex guards the pointers;
// features compile outside it.
package program

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"trunkline/config"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/supervisor/module"
)

// Resolver returns, for one configuration, what returns a port with its
// port-profile chain merged in, as a tree whose root is the port; see
// config/effective. The returned function may be called concurrently.
type Resolver func(t tree.Tree) (port func(name string) tree.Tree)

// Compiler makes programs.
type Compiler struct {
	features []feature.Feature
	resolve  Resolver
	log      *slog.Logger

	mu      sync.Mutex
	checked *compiled // the candidate checked last
	current *compiled // the configuration in force; nil before Publish
	config  uint64    // its generation
	inband  int       // see SetInband
	given   map[int]module.Program
}

// New returns a compiler for the features.
func New(features []feature.Feature, resolve Resolver, log *slog.Logger) *Compiler {
	return &Compiler{features: features, resolve: resolve, log: log, given: map[int]module.Program{}}
}

// Publish makes a committed configuration the one that Program is about. One
// that is older than what was published is ignored: commits may be announced
// out of order.
func (c *Compiler) Publish(s config.Snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && s.Generation < c.config {
		return
	}
	switch {
	case c.checked != nil && c.checked.tree.Equal(s.Tree):
		c.current = c.checked
	case c.current == nil || !c.current.tree.Equal(s.Tree):
		c.current = c.compiled(s.Tree)
	}
	c.checked, c.config = nil, s.Generation
}

// SetInband says on which card the switch's own interfaces in VLANs are, 0 for
// none: the one that shares the supervisor's network namespace. It is called
// before that card gets a program.
func (c *Compiler) SetInband(slot int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inband == slot {
		return
	}
	c.inband, c.checked = slot, nil
	if c.current != nil {
		c.current = c.compiled(c.current.tree)
	}
}

// Program implements module.Programs.
func (c *Compiler) Program(slot int) (module.Program, error) {
	c.mu.Lock()
	current, generation := c.current, c.config
	c.mu.Unlock()
	if current == nil {
		return module.Program{}, errors.New("there is no configuration yet")
	}
	sections, problems := current.slot(slot)
	if len(problems) > 0 {
		return module.Program{Config: generation}, problems[0]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	last, ok := c.given[slot]
	if ok && last.Config > generation {
		return last, nil // a newer one was made meanwhile
	}
	p := module.Program{Generation: generation, Config: generation, Sections: sections}
	if ok && maps.EqualFunc(last.Sections, sections, bytes.Equal) {
		p.Generation, p.Sections = last.Generation, last.Sections
	}
	c.given[slot] = p
	return p, nil
}

// Problems compiles a candidate for every card it names and returns what is
// wrong; it is the Compile of config.Hooks.
func (c *Compiler) Problems(t tree.Tree) []schema.Problem {
	c.mu.Lock()
	var k *compiled
	switch {
	case c.current != nil && c.current.tree.Equal(t):
		k = c.current
	case c.checked != nil && c.checked.tree.Equal(t):
		k = c.checked
	default:
		k = c.compiled(t)
		c.checked = k
	}
	c.mu.Unlock()
	var all []schema.Problem
	for _, slot := range k.slots() {
		_, problems := k.slot(slot)
		all = append(all, problems...)
	}
	return all
}

// Changed returns which of the sections, by name, a candidate that Problems has
// seen would change in a slot's program.
func (c *Compiler) Changed(t tree.Tree, slot int, names []string) []string {
	c.mu.Lock()
	next, now := c.checked, c.current
	c.mu.Unlock()
	if len(names) == 0 || next == nil || !next.tree.Equal(t) {
		return nil // it is what is in force, or another candidate came between
	}
	sections, _ := next.slot(slot)
	var old map[string][]byte
	if now != nil {
		old, _ = now.slot(slot)
	}
	var changed []string
	for _, n := range names {
		if !bytes.Equal(sections[n], old[n]) {
			changed = append(changed, n)
		}
	}
	return changed
}

// compiled begins with a tree. What was made for the one in force is used again.
// The caller holds the lock.
func (c *Compiler) compiled(t tree.Tree) *compiled {
	k := &compiled{c: c, tree: t, inband: c.inband, resolve: c.resolve(t), effective: map[string]tree.Tree{}, results: map[int]*result{}}
	if c.current != nil {
		c.current.was.Store(nil) // not all there ever was is kept
		k.was.Store(reused(c.features, c.current, k))
	}
	return k
}

// compiled is one tree with what was made of it so far.
type compiled struct {
	c       *Compiler
	tree    tree.Tree
	inband  int
	resolve func(port string) tree.Tree
	was     atomic.Pointer[reuse] // nil for nothing

	mu        sync.Mutex
	effective map[string]tree.Tree
	results   map[int]*result
}

type result struct {
	once     sync.Once
	done     atomic.Bool
	sections map[string][]byte
	problems []schema.Problem
}

var vemsPath = tree.Path{{Name: "vems"}, {Name: "vem"}}

// slots returns the slots that the tree names: those of modules and of ports.
func (k *compiled) slots() []int {
	set := map[int]bool{}
	for key := range k.tree.Keys(vemsPath) {
		if n, err := strconv.Atoi(key); err == nil {
			set[n] = true
		}
	}
	for _, slot := range feature.SlotsWithPorts(k.tree) {
		set[slot] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// portsOf returns the ports of a slot, with the switch's own interfaces where they
// are.
func (k *compiled) portsOf(slot int) []string {
	ports := feature.PortsOf(k.tree, slot)
	if slot == k.inband {
		ports = append(ports, feature.PortsByKind.Members(k.tree, feature.SVI)...)
	}
	return ports
}

// port returns a port with its profiles resolved, which features share.
func (k *compiled) port(name string) tree.Tree {
	k.mu.Lock()
	t, ok := k.effective[name]
	k.mu.Unlock()
	if ok {
		return t
	}
	t = k.resolve(name)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.effective[name] = t
	return t
}

// slot returns the sections of a slot's program, compiling them the first time.
func (k *compiled) slot(slot int) (map[string][]byte, []schema.Problem) {
	k.mu.Lock()
	r := k.results[slot]
	if r == nil {
		r = &result{}
		k.results[slot] = r
	}
	k.mu.Unlock()
	r.once.Do(func() {
		r.sections = map[string][]byte{}
		was := k.was.Load()
		ports := sync.OnceValue(func() []string { return k.portsOf(slot) })
		in := feature.Input{Module: slot, Config: k.tree, Effective: k.port}
		for _, f := range k.c.features {
			if section, ok := was.section(f, slot); ok {
				if section != nil {
					r.sections[f.Name] = section
				}
				continue
			}
			in.Ports = ports()
			section, err := k.c.section(f, in)
			if err != nil {
				r.problems = append(r.problems, schema.Problem{
					Path: tree.Path{vemsPath[0], {Name: vemsPath[1].Name, Key: strconv.Itoa(slot)}},
					Rule: "program", Text: fmt.Sprintf("ERROR: Module %d: %s: %v", slot, f.Name, err),
				})
			} else if section != nil {
				r.sections[f.Name] = section
			}
		}
		r.done.Store(true)
	})
	return r.sections, r.problems
}

// section compiles one feature, nil for nothing, as for one that is off. A panic is an error: a
// configuration that hits a bug is refused instead of ending the supervisor.
func (c *Compiler) section(f feature.Feature, in feature.Input) (data []byte, err error) {
	if f.Compile == nil || !f.Enabled(in.Config) {
		return nil, nil
	}
	defer func() {
		if r := recover(); r != nil {
			c.log.Error("panic in compile", "feature", f.Name, "slot", in.Module, "panic", r, "stack", string(debug.Stack()))
			data, err = nil, fmt.Errorf("panic: %v", r)
		}
	}()
	section, err := f.Compile(in)
	if err != nil || section == nil {
		return nil, err
	}
	if v := reflect.ValueOf(section); v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, nil
	}
	return json.Marshal(section)
}
