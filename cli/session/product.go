// Package session is one operator's session with the switch (cli.md §2, §3.3,
// §7): the stack of modes, the prompt, and what a line does. It runs on the
// supervisor; terminals send lines and print what comes back.
//
// A CLI is compiled once from the product's features; it makes Sessions. A
// configuration line is one transaction: the grammar turns it into edits, the
// store checks and commits them. Lines that are pasted may be held and committed
// together (batch.go); in a configuration session lines are queued in a draft
// (draft.go). The commands of the configuration's life, from checkpoints to
// configure replace, are listed in lifecycle.go. Nothing here knows a feature by
// name.
//
// A Session belongs to one caller at a time, but for Resize, which may be
// called while a line runs.
package session

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"trunkline/cli/grammar"
	"trunkline/cli/location"
	"trunkline/cli/pipe"
	"trunkline/config"
	"trunkline/config/draft"
	"trunkline/config/history"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/flash"
)

// Product is what a CLI is for.
type Product struct {
	Store    *config.Store
	Schema   *schema.Schema
	Features []feature.Feature
	// Query takes the snapshots that a command sees.
	Query func(args feature.Args, who feature.Session) feature.Query
	Host  feature.Host
	// Rights are what the roles of a user allow under a configuration; nil: those
	// of the built-in roles.
	Rights func(t tree.Tree, r feature.Role) feature.Rights
	// Authorizer is asked for commands; nil for nobody.
	Authorizer Authorizer
	// Version is the software's: "1.0(1)".
	Version string
	Now     func() time.Time
	// Files are the file systems; without them there are no commands of files
	// and no redirection.
	Files *flash.Store
	// Transfer reaches files of other machines; without it, or Files, copy takes
	// no URLs.
	Transfer location.Transfer
	// Support are the commands of show tech-support, by topic; none: there is
	// no such command.
	Support []Topic
	// Setup is the basic configuration dialogue; nil: there is none.
	Setup Setup
	// Accounting keeps the accounting log; nil: some of this process.
	Accounting Accounting
	// History has commits and checkpoints; nil: those of this process.
	History *history.History
}

// Console is the other end of a session while a line runs.
type Console interface {
	io.Writer
	// Page says that output from here on is paged by so many lines, 0 for
	// not at all.
	Page(lines int)
	// Ask asks a question and returns the answer. It is called only for
	// interactive sessions.
	Ask(ctx context.Context, question string) (string, error)
}

// Discreet is a Console that can take an answer without showing it: a password.
type Discreet interface {
	// AskSecret is Ask; the answer is not shown. It is called only for
	// interactive sessions.
	AskSecret(ctx context.Context, question string) (string, error)
}

// CLI is the product's command language. It is safe for concurrent use.
type CLI struct {
	product Product
	modes   *grammar.Modes
	exec    *grammar.Gated            // in every mode
	moving  *grammar.Table            // in configuration modes
	ends    map[string]*grammar.Table // that leave modes of text, by word
	pipes   *grammar.Table
	queued  *grammar.Table // in configuration sessions

	accounts Accounting
	owners   feature.Owners
	history  *history.History
	drafts   *draft.Registry
	mu       sync.Mutex
	actions  map[int]lastAction // of drafts, by ID

	// The last of each, for show rollback log and show config-replace log.
	rollbacks, replaces operations
	targets             *grammar.Table // of redirections
	host                tree.Path      // of the host name
}

// local is a time in the zone of the switch.
func (c *CLI) local(t time.Time) time.Time { return t.In(c.product.Now().Location()) }

// New compiles the language of a product. An error is a mistake in a feature's
// declarations.
func New(p Product) (*CLI, error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	modes, err := grammar.NewModes(p.Schema)
	if err != nil {
		return nil, fmt.Errorf("configuration grammar: %w", err)
	}
	c := &CLI{
		product: p, modes: modes, pipes: pipe.NewTable(),
		host:     tree.Path{{Name: "system"}, {Name: "hostname"}},
		owners:   feature.NewOwners(p.Features),
		accounts: p.Accounting, history: p.History, drafts: draft.New(p.Store),
	}
	if c.history == nil {
		if c.history, err = history.Open(context.Background(), p.Store, nil); err != nil {
			return nil, err
		}
	}
	if c.accounts == nil {
		c.accounts = &recent{}
	}
	_, target := c.placeTypes(false)
	if c.targets, err = grammar.NewTable(grammar.Command{Template: "<file>", Types: map[string]schema.AnyType{"file": target}}); err != nil {
		return nil, fmt.Errorf("grammar of redirections: %w", err)
	}
	commands := slices.Concat(c.builtins(), c.fileCommands(), c.supportCommands(), c.setupCommands())
	for i := range commands {
		commands[i].Feature = ownFeature
	}
	commands = append(commands, c.roleFeatures())
	for _, f := range p.Features {
		for _, s := range f.Show {
			commands = append(commands, grammar.Command{
				Template: s.Line, Types: withInterface(s.Types), Words: s.Words, Help: s.Help, Gate: f.GatePath(), Feature: f.Name, Tag: showAction(s),
			})
		}
		for _, e := range f.Exec {
			commands = append(commands, grammar.Command{
				Template: e.Line, Types: withInterface(e.Types), Words: e.Words, Help: e.Help, Gate: f.GatePath(), Feature: f.Name, Tag: execAction(e),
			})
		}
	}
	if c.exec, err = grammar.NewGated(commands...); err != nil {
		return nil, fmt.Errorf("exec grammar: %w", err)
	}
	if c.queued, err = grammar.NewTable(draftCommands()...); err != nil {
		return nil, fmt.Errorf("grammar of configuration sessions: %w", err)
	}
	if c.moving, err = grammar.NewTable(moving()...); err != nil {
		return nil, fmt.Errorf("grammar of modes: %w", err)
	}
	c.ends = map[string]*grammar.Table{}
	for _, b := range p.Schema.Blocks() {
		if b.End == "" {
			continue
		}
		leave := grammar.Command{Template: b.End, Help: "Leave the mode", Tag: builtin{do: exit, own: true}}
		if c.ends[b.End], err = grammar.NewTable(leave); err != nil {
			return nil, fmt.Errorf("end of mode %s: %w", b.Mode, err)
		}
	}
	return c, nil
}

// withInterface adds the placeholder that every command may use.
func withInterface(types map[string]schema.AnyType) map[string]schema.AnyType {
	all := map[string]schema.AnyType{"interface": feature.Interface}
	for k, v := range types {
		all[k] = v
	}
	return all
}

// hostname is the name in the prompt.
func (c *CLI) hostname(t tree.Tree) string {
	if v, ok := t.Get(c.host); ok && v != schema.No {
		if s, ok := v.(string); ok {
			return s
		}
	}
	if s, ok := c.product.Schema.Default(c.host).(string); ok && s != "" {
		return s
	}
	return "switch"
}
