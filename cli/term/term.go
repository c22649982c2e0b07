// Package term is the operator's terminal: the line editor, ? and Tab, the
// pager (cli.md §5). It is the only package that knows about terminals, and the
// only one that uses chzyer/readline. What lines mean is the session's, at the
// other end of a remote.Client.
//
// A Terminal is of this machine (Run) or at the other end of a connection
// (Interact). One goroutine reads the keyboard; whoever is at work, the editor
// or the pager, takes keys from there.
package term

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/chzyer/readline"

	"trunkline/cli/remote"
)

// defaultWidth is that of a window whose size is not known; minWidth what the
// editor needs to draw.
const (
	defaultWidth = 80
	minWidth     = 20
)

// Terminal is what a person sits at.
type Terminal struct {
	// In are the keys as they are pressed. Close ends a Read that waits;
	// Interact calls it.
	In io.ReadCloser
	// Out draws; a newline goes to the begin of the next line. It is used by
	// several goroutines.
	Out io.Writer
	// Size is that of the window now, 0 where it is not known.
	Size func() (width, height int)
	// Resized says that the size has changed; nil for never.
	Resized <-chan struct{}
	// Lines are run before the first that is read.
	Lines []string
}

// console is one interactive session.
type console struct {
	Terminal
	client *remote.Client
	keys   *keyboard
	rl     *readline.Instance
	editor editor
	pager  pager

	set    atomic.Int64 // width that the operator has set, 0 for the window's
	window window

	history [2][]string // exec, config
	listed  int         // index of the list that the editor has now
}

// Interact is the interactive loop on a terminal: it reads lines and runs them
// until the operator logs out, the terminal goes (nil), the supervisor ends the
// session (remote.ErrClosed), or ctx is done. First is what began the session.
func Interact(ctx context.Context, t Terminal, client *remote.Client, first remote.Done) (err error) {
	c := &console{Terminal: t, client: client, listed: -1, window: remote.MaxAhead}
	out := &echo{out: t.Out, width: c.width}
	t.Out, c.Out = out, out
	// A session that is gone is noticed by the loop.
	c.keys = newKeyboard(t.In, func() { _ = client.Touch() })
	c.pager = pager{out: t.Out, keys: c.keys, width: c.width}
	e := &c.editor
	e.client, e.out, e.redraw, e.width, e.turn = client, out, out.forget, c.width, sync.NewCond(&e.mu)
	e.goesOn = func() { c.keys.edit(true) }
	e.notices.show = c.notice

	var watching sync.WaitGroup
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.keys.end()
		client.Close()
	})
	defer func() {
		stop()
		close(ended)
		watching.Wait()
		c.keys.close()
		if c.rl != nil {
			out.mute()
			c.shut()
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
	}()
	noop := func() error { return nil }
	c.rl, err = readline.NewEx(&readline.Config{
		Stdin: c.keys, Stdout: t.Out, Stderr: t.Out,
		HistoryLimit: maxHistory, DisableAutoSaveHistory: true,
		AutoComplete: e, Listener: e, Painter: e, FuncFilterInputRune: e.filter,
		EOFPrompt: "\n", InterruptPrompt: "^C",
		FuncGetWidth: c.editorWidth, FuncIsTerminal: func() bool { return true }, FuncMakeRaw: noop, FuncExitRaw: noop,
		FuncOnWidthChanged: func(f func()) { e.resize = f }, ForceUseInteractive: true,
	})
	if err != nil {
		return fmt.Errorf("start line editor: %w", err)
	}
	client.Notices(e.notices.add)
	defer client.Notices(nil)
	watching.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-t.Resized:
				_ = client.Resize(t.Size()) // as for Touch
				out.forget()
				e.stale.Store(true)
			}
		}
	})
	return c.loop(first)
}

const maxHistory = 500

func (c *console) width() int {
	if w := int(c.set.Load()); w > 0 {
		return w
	}
	if w, _ := c.Size(); w > 0 {
		return max(w, minWidth)
	}
	return defaultWidth
}

func (c *console) loop(d remote.Done) error {
	for _, line := range c.Lines {
		var err error
		if d, err = c.run(line, false); err != nil || d.Close {
			return err
		}
	}
	for {
		line, err := c.line(d)
		switch {
		case errors.Is(err, readline.ErrInterrupt):
			if d.More {
				if d, err = c.client.Abandon(); err != nil {
					return err
				}
			}
			continue
		case errors.Is(err, io.EOF) && c.keys.ended():
			return nil
		case errors.Is(err, io.EOF):
			line = "exit"
		case err != nil:
			return err
		case c.editor.cut(): // half a line is no command
			return nil
		}
		end := c.editor.takeEnd()
		if d.More || strings.TrimSpace(line) != "" {
			if d, err = c.run(line, !d.More && !end); err != nil {
				return err
			}
			if d.Close {
				return nil
			}
		}
		if end {
			if d, err = c.client.EndConfig(); err != nil {
				return err
			}
		}
	}
}

// line reads one line with the editor.
func (c *console) line(d remote.Done) (string, error) {
	if err := c.list(d); err != nil {
		return "", err
	}
	c.set.Store(int64(d.Width))
	c.editor.setAsking(d.More)
	defer c.editor.setAsking(false)
	line, err := c.read(d.Prompt)
	if err != nil || d.More || strings.TrimSpace(line) == "" {
		return line, err
	}
	return line, c.remember(d, line)
}

// list gives the editor the history of the mode that a prompt is of: exec or
// configuration.
func (c *console) list(d remote.Done) error {
	list := 0
	if d.Config {
		list = 1
	}
	if list == c.listed {
		return nil
	}
	c.rl.ResetHistory()
	for _, l := range c.history[list] {
		if err := c.rl.SaveHistory(l); err != nil {
			return err
		}
	}
	c.listed = list
	return nil
}

// remember adds a line to the history of its mode.
func (c *console) remember(d remote.Done, line string) error {
	if err := c.list(d); err != nil {
		return err
	}
	h := &c.history[c.listed]
	if n := len(*h); n == 0 || (*h)[n-1] != line {
		*h = append(*h, line)
		if len(*h) > maxHistory {
			*h = (*h)[1:]
		}
	}
	return c.rl.SaveHistory(line)
}

// editorWidth is the width that the line editor reckons with. A prompt that
// fills whole rows is beyond it: it would look for the cursor for ever.
func (c *console) editorWidth() int {
	w := c.width()
	if n := c.editor.promptLength(); n > 0 && n%w == 0 {
		return w - 1
	}
	return w
}

// notice prints what the switch says unasked, above a line that is being edited.
func (c *console) notice(text []byte) {
	if c.editor.waits() {
		_, _ = c.rl.Write(text) // it draws the prompt and the line again
		return
	}
	_, _ = c.Out.Write(text) // as for a command's output, the loop will notice
}

// shut ends the line editor's goroutines, which may still hold keys that were
// typed after the last line that counted.
func (c *console) shut() {
	for !c.editor.ended() {
		_, _ = c.read("") // nobody is to act on it
	}
	_ = c.rl.Close() // there is no terminal whose mode it could not restore
}

// fitting returns a prompt that does not end with a row of the window.
func fitting(prompt string, width int) string {
	if n := utf8.RuneCountInString(prompt); n == 0 || n%width != 0 {
		return prompt
	}
	if short, ok := strings.CutSuffix(prompt, " "); ok {
		return short
	}
	return prompt + " "
}

func (c *console) read(prompt string) (string, error) {
	prompt = fitting(prompt, c.width())
	c.editor.begin(prompt)
	c.editor.resize() // the width may be another with another prompt
	c.rl.SetPrompt(prompt)
	c.keys.edit(true)
	defer c.keys.edit(false)
	return c.rl.Readline()
}

// run runs a line, and with it those that have been typed behind it, if they may
// be sent ahead; Ctrl-C aborts it. It returns what the last that was run left.
func (c *console) run(line string, ahead bool) (remote.Done, error) {
	c.keys.onInterrupt(func() {
		io.WriteString(c.Out, "^C\n")
		// A session that is gone is noticed by the reader of its output.
		_ = c.client.Interrupt()
	})
	defer c.keys.onInterrupt(nil)
	c.pager.reset(0)
	if !ahead {
		return c.client.Run(line, c)
	}
	more := c.keys.look(int(c.window))
	defer c.keys.release()
	d, taken, err := c.client.RunAhead(line, more, c, func(i int, d remote.Done) error { return c.follow(d, more[i]) })
	c.window.adjust(len(more), taken)
	return d, err
}

// Output implements remote.Handler.
func (c *console) Output(p []byte) error { return c.pager.write(p) }

// Page implements remote.Handler.
func (c *console) Page(lines int) {
	if lines > 0 {
		c.keys.release() // keys are for the pager
	}
	c.pager.reset(lines)
}

// Ask implements remote.Handler.
func (c *console) Ask(question string) (string, error) {
	c.keys.release() // lines may be the answer
	i := strings.LastIndexByte(question, '\n') + 1
	if _, err := io.WriteString(c.Out, question[:i]); err != nil {
		return "", err
	}
	c.editor.setAsking(true)
	defer c.editor.setAsking(false)
	return c.read(question[i:])
}

// AskSecret implements remote.Discreet: what is typed is not drawn. The line editor
// has no part in it, so that nothing is kept.
func (c *console) AskSecret(question string) (string, error) {
	c.keys.release() // lines may be the answer
	if _, err := io.WriteString(c.Out, question); err != nil {
		return "", err
	}
	secret, ok := c.keys.secret()
	if _, err := io.WriteString(c.Out, "\n"); err != nil {
		return "", err
	}
	if !ok {
		return "", readline.ErrInterrupt
	}
	return secret, nil
}
