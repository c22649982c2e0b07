package term

import (
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/chzyer/readline"

	"trunkline/cli/grammar"
	"trunkline/cli/remote"
)

// editor adds the product's keys to the line editor: ? for help, Tab, Ctrl-Z,
// Ctrl-V and those whose meaning differs. It keeps from it what it cannot do
// without harm to the process. Its methods are called by the editor's goroutine
// while the console waits for a line.
//
// The library's state has no lock of its own that holds. Filter is where its
// goroutine begins with a key: it waits there until the console has drawn the
// prompt (Paint) and waits for a line, so that what the console does between lines
// (history, prompt, width) and what the library does with keys never meet, however
// far it has read ahead. What others want of it waits for its goroutine (stale,
// notices).
type editor struct {
	client  *remote.Client
	out     io.Writer
	redraw  func() // the next line is drawn whole
	width   func() int
	goesOn  func()      // the key that may have ended the line has not
	resize  func()      // has the library ask for the width
	stale   atomic.Bool // it is another
	notices notices

	mu       sync.Mutex
	turn     *sync.Cond // of reading
	starting bool       // the prompt of the next line is to be drawn
	reading  bool       // it is, and the console waits for a line
	prompt   string
	literal  bool // the next key is text
	inserted bool // the key just typed was literal
	end      bool // Ctrl-Z ended the line
	asking   bool // the line is an answer, not a command
	entered  bool // the operator ended the line
	gone     bool // the keyboard has gone
	over     bool // and the line that was begun
	length   int  // of the line, in characters
}

// limit bounds the line being edited, in characters: that of the longest line
// and one more, so that what was cut is still refused. Without a bound Ctrl-Y
// doubles the line with every key. It is called with mu held.
func (e *editor) limit() int {
	if e.asking {
		return grammar.MaxText + 1
	}
	return grammar.MaxLine + 1
}

func (e *editor) begin(prompt string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.prompt, e.literal, e.end, e.entered, e.starting = prompt, false, false, false, true
}

// Paint implements readline.Painter. The library calls it with its lock on the
// line, which all that it does with a key takes first.
func (e *editor) Paint(line []rune, _ int) []rune {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.starting {
		e.starting, e.reading = false, true
		e.turn.Broadcast()
	}
	return line
}

// waits reports whether the console waits for a line.
func (e *editor) waits() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.reading
}

// promptLength is the width of the prompt, in columns.
func (e *editor) promptLength() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return utf8.RuneCountInString(e.prompt)
}

func (e *editor) setAsking(on bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asking = on
}

// takeEnd reports whether Ctrl-Z ended the line.
func (e *editor) takeEnd() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	end := e.end
	e.end = false
	return end
}

// cut reports whether the line ended because the keyboard went, not because the
// operator ended it.
func (e *editor) cut() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.gone && !e.entered
}

// ended reports whether the line editor has seen the end of its input.
func (e *editor) ended() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.over
}

// filter translates keys before the editor sees them.
func (e *editor) filter(key rune) (rune, bool) {
	e.mu.Lock()
	for !e.reading {
		e.turn.Wait()
	}
	r, ok := e.translate(key)
	on, over := e.reading, e.over
	e.mu.Unlock()
	if on && strings.ContainsRune(ends, key) {
		e.goesOn()
	}
	if e.stale.Swap(false) {
		e.resize()
	}
	if ok && !over { // then OnChange follows
		e.notices.begin()
	}
	return r, ok
}

// translate returns what a key is to the editor, if it is anything. It is called
// with mu held and ends reading where the editor will end the line.
func (e *editor) translate(r rune) (rune, bool) {
	e.inserted = false
	if r == 0 {
		e.gone, e.over, e.reading = true, e.length == 0, false // else the line is ended first
		return r, true
	}
	if e.literal {
		e.literal = false
		if r < ' ' {
			return r, false
		}
		e.inserted = true
		return r, true
	}
	switch r {
	case ctrlV:
		e.literal = true
		return r, false
	case ctrlX:
		return ctrlU, true
	case ctrlZ:
		e.end, e.entered, e.reading = true, true, false
		return readline.CharEnter, true
	case readline.CharEnter, readline.CharCtrlJ:
		e.entered, e.reading = true, false
	case ctrlC:
		e.reading = false
	case leave:
		e.reading = e.length > 0
		return readline.CharDelete, true
	case readline.CharDelete: // the key; on an empty line the editor would leave
		return r, e.length > 0
	case ctrlL, ctrlR, ctrlS: // redraws
		e.redraw()
		return r, false
	case ctrlT:
		return r, e.length > 1 // of one character it makes a line that cannot be
	case readline.MetaTranspose: // which it takes for a character
		return r, false
	}
	return r, r < ' ' || e.length < e.limit()
}

// OnChange implements readline.Listener: it acts on ? and redraws after a list
// of completions. The console calls it without a key before a line.
func (e *editor) OnChange(line []rune, pos int, key rune) ([]rune, int, bool) {
	line, pos, changed := e.change(line, pos, key)
	e.mu.Lock()
	e.length = len(line)
	e.mu.Unlock()
	if key != 0 {
		e.notices.end()
	}
	return line, pos, changed
}

// change returns the line as it is after a key, and whether that is news to the
// line editor.
func (e *editor) change(line []rune, pos int, key rune) ([]rune, int, bool) {
	e.mu.Lock()
	act, limit := !e.inserted && !e.asking, e.limit()
	e.mu.Unlock()
	switch {
	case len(line) > limit:
		return line[:limit], min(pos, limit), true
	case key == readline.CharTab:
		return line, pos, true
	case key != '?' || !act || pos == 0 || pos > len(line) || line[pos-1] != '?':
		return line, pos, false
	}
	before := string(line[:pos-1])
	rest := append(append([]rune(nil), line[:pos-1]...), line[pos:]...)
	text, err := e.client.Help(before)
	if err != nil {
		return rest, pos - 1, true // the loop will notice
	}
	e.print(text, string(line[:pos]))
	return rest, pos - 1, true
}

// print prints text below the line. The editor erases as many rows as the line
// up to the cursor fills before it draws the line again, so that many are left
// empty.
func (e *editor) print(text, line string) {
	e.mu.Lock()
	shown := utf8.RuneCountInString(e.prompt) + utf8.RuneCountInString(line) - 1
	e.mu.Unlock()
	rows := shown / max(e.width(), 1)
	io.WriteString(e.out, "\n"+text+strings.Repeat("\n", rows))
}

// Do implements readline.AutoCompleter: it returns what Tab adds to the line,
// or prints the candidates if that is nothing.
func (e *editor) Do(line []rune, pos int) ([][]rune, int) {
	e.mu.Lock()
	asking := e.asking
	e.mu.Unlock()
	if asking {
		return nil, 0
	}
	before := string(line[:pos])
	c, err := e.client.Complete(before)
	if err != nil || len(c.Candidates) == 0 {
		return nil, 0
	}
	word := before[c.From:]
	shared := c.Candidates[0].Text
	for _, o := range c.Candidates[1:] {
		shared = shared[:common(shared, o.Text)]
	}
	add := ""
	if len(shared) > len(word) {
		add = shared[len(word):]
	}
	if len(c.Candidates) == 1 {
		if !c.Candidates[0].Glue {
			add += " "
		}
		return [][]rune{[]rune(add)}, 0
	}
	if add != "" {
		return [][]rune{[]rune(add)}, 0
	}
	e.print(columns(c.Candidates, e.width()), before+" ")
	return nil, 0
}

// common is the number of bytes in which two words agree, letter case aside.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && (a[n] == b[n] || strings.EqualFold(a[n:n+1], b[n:n+1])) {
		n++
	}
	return n
}

// columns lays candidates out.
func columns(all []remote.Candidate, width int) string {
	widest := 0
	for _, c := range all {
		widest = max(widest, len(c.Text))
	}
	perRow := max(1, width/(widest+2))
	var b strings.Builder
	for i, c := range all {
		b.WriteString(c.Text)
		if i%perRow == perRow-1 || i == len(all)-1 {
			b.WriteByte('\n')
		} else {
			b.WriteString(strings.Repeat(" ", widest+2-len(c.Text)))
		}
	}
	return b.String()
}
