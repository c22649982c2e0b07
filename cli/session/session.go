package session

import (
	"strings"
	"sync"
	"time"

	"trunkline/cli/grammar"
	"trunkline/cli/render"
	"trunkline/config/draft"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/flash"
)

// Options are how a session begins.
type Options struct {
	Who feature.Session
	// Interactive sessions have a terminal with a person at it: carets count
	// from the prompt, questions are asked, output is paged.
	Interactive   bool
	Width, Height int    // of the window, 0 if unknown
	Terminal      string // its type: "xterm"
}

// Defaults of a terminal (cli.md §5).
const (
	defaultWidth  = 80
	defaultHeight = 24
	historyLines  = 500
)

// Session is one operator's session.
type Session struct {
	cli  *CLI
	opts Options

	stack   []level // of configuration modes; empty in exec mode
	pushed  [][]level
	named   map[string][]level
	dontAsk bool
	// structure is the form of what commands without filters show (orders.go).
	structure render.Format
	zipped    bool // output to files is compressed
	logAll    bool // all commands are accounted for
	// variables are those of cli var, by name.
	variables map[string]string
	// unfinished is a command that goes on on the next line.
	unfinished string
	under      string // the command that runs, without secrets
	batch      *batch // of held lines, or nil
	idle       time.Duration
	// previous are the outputs that diff compares with.
	previous []output
	// dir is where file names begin, zero for bootflash:.
	dir flash.Name
	// exec and config history, oldest first.
	history [2][]entry

	mu            sync.Mutex
	width, height int // of the window
	setWidth      int // by terminal width, 0: the window's
	setLength     int // by terminal length, -1: the window's
}

// entry is a line of history.
type entry struct {
	at   time.Time
	line string
}

// level is one configuration mode.
type level struct {
	block  string       // path of the block, "" for global configuration
	at     []tree.Path  // the entries that lines apply to; one nil path globally
	kinds  []string     // of the entries
	suffix string       // of the prompt
	draft  *draft.Draft // of the configuration session that it is in, or nil
	text   string       // of where
	words  string       // the keywords of the line that entered it
}

func global() level { return level{at: []tree.Path{nil}, suffix: "config", text: "conf"} }

// Session begins a session in exec mode.
func (c *CLI) Session(o Options) *Session {
	s := &Session{cli: c, opts: o, named: map[string][]level{}, setLength: -1}
	s.Resize(o.Width, o.Height)
	return s
}

// Resize tells the session the size of the window, 0 where it is unknown.
func (s *Session) Resize(width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.width, s.height = width, height
}

// SetWidth returns the width that terminal width has set, in columns; 0 while it
// is the window's.
func (s *Session) SetWidth() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.setWidth
}

// size returns the terminal's length and width in force.
func (s *Session) size() (length, width int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	length, width = s.setLength, s.setWidth
	if length < 0 {
		length = s.height
		if length <= 0 {
			length = defaultHeight
		}
	}
	if width == 0 {
		width = s.width
		if width <= 0 {
			width = defaultWidth
		}
	}
	return length, width
}

// IdleTimeout is how long the session may wait for a line, 0 for ever.
func (s *Session) IdleTimeout() time.Duration { return s.idle }

// textEnd is the word that leaves the mode of text that the session is in
// (schema.Block.End), "" in any other mode.
func (s *Session) textEnd() string {
	if len(s.stack) == 0 {
		return ""
	}
	return s.cli.textEnd(s.stack[len(s.stack)-1])
}

func (c *CLI) textEnd(l level) string {
	if b := c.product.Schema.Block(l.block); b != nil {
		return b.End
	}
	return ""
}

// Prompt returns the prompt with its trailing blank.
func (s *Session) Prompt() string {
	if s.unfinished != "" {
		return "> "
	}
	name := s.cli.hostname(s.tree())
	if len(s.stack) > 0 {
		return name + "(" + s.stack[len(s.stack)-1].suffix + ")# "
	}
	return name + "# "
}

// promptWidth is how far lines are indented on the screen.
func (s *Session) promptWidth() int {
	if !s.opts.Interactive {
		return 0
	}
	return len(s.Prompt())
}

// Configuring reports whether the session is in a configuration mode.
func (s *Session) Configuring() bool { return len(s.stack) > 0 }

func (s *Session) remember(line string) {
	list := &s.history[0]
	if s.Configuring() {
		list = &s.history[1]
	}
	*list = append(*list, entry{s.cli.product.Now(), strings.TrimSpace(line)})
	if over := len(*list) - historyLines; over > 0 {
		*list = append((*list)[:0], (*list)[over:]...)
	}
}

// Lines returns the history of the present mode, oldest first.
func (s *Session) Lines() []string {
	list := s.history[0]
	if s.Configuring() {
		list = s.history[1]
	}
	lines := make([]string, len(list))
	for i, e := range list {
		lines[i] = e.line
	}
	return lines
}

// table returns the lines of a level.
func (s *Session) table(l level) *grammar.Table {
	if l.draft != nil {
		return s.cli.table(l, l.draft.Candidate().Tree())
	}
	return s.cli.table(l, s.tree())
}

// exec is the table of exec commands.
func (s *Session) exec() *grammar.Table { return s.cli.exec.Table(s.cli.open(s.tree())) }

// table is that of a mode, with the features that a tree turns on.
func (c *CLI) table(l level, t tree.Tree) *grammar.Table {
	return c.modes.Table(l.block, l.kinds, c.open(t))
}

// open says which gates are open in a tree.
func (c *CLI) open(t tree.Tree) func(gate string) bool {
	return func(gate string) bool { return c.product.Schema.Open(t, gate) }
}
