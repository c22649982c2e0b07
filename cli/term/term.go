// Package term is the operator's terminal: the line editor, ? and Tab, the
// pager (cli.md §5). It is the only package that knows about terminals, and the
// only one that uses chzyer/readline. What lines mean is the session's, at the
// other end of a remote.Client.
//
// The terminal stays in raw mode from Run's begin to its end, with output
// processing left on. One goroutine reads the keyboard; whoever is at work, the
// editor or the pager, takes keys from there.
package term

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"

	"github.com/chzyer/readline"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"trunkline/cli/remote"
)

// Defaults where the size of the window is not known.
const (
	defaultWidth  = 80
	defaultHeight = 24
)

// Is reports whether both files are terminals, so that Run can be used.
func Is(in, out *os.File) bool {
	return term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd()))
}

// Hello describes the terminal to a session.
func Hello(in, out *os.File) remote.Hello {
	h := remote.Hello{Interactive: Is(in, out)}
	if !h.Interactive {
		return h
	}
	h.Terminal = os.Getenv("TERM")
	if tty, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", in.Fd())); err == nil && strings.HasPrefix(tty, "/dev/") {
		h.TTY = tty
	}
	if w, height, err := term.GetSize(int(out.Fd())); err == nil {
		h.Width, h.Height = w, height
	}
	return h
}

// console is one interactive session.
type console struct {
	client *remote.Client
	out    *os.File
	keys   *keyboard
	rl     *readline.Instance
	editor editor
	pager  pager

	history [2][]string // exec, config
	listed  int         // index of the list that the editor has now
}

// Run is the interactive loop on a terminal: it reads lines and runs them until
// the operator logs out, the supervisor ends the session (remote.ErrClosed), or
// ctx is done. First is what began the session.
func Run(ctx context.Context, in, out *os.File, client *remote.Client, first remote.Done) (err error) {
	before, err := readline.MakeRaw(int(in.Fd()))
	if err != nil {
		return fmt.Errorf("prepare terminal: %w", err)
	}
	defer readline.Restore(int(in.Fd()), before)
	keys, err := newKeyboard(in)
	if err != nil {
		return err
	}
	c := &console{client: client, out: out, keys: keys, listed: -1}
	c.pager = pager{out: out, keys: keys, width: c.width}
	c.editor = editor{client: client, out: out, width: c.width}

	winch := make(chan os.Signal, 1)
	signal.Notify(winch, unix.SIGWINCH)
	var resized func()
	var watching sync.WaitGroup
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		keys.end()
		client.Close()
	})
	defer func() {
		stop()
		signal.Stop(winch)
		close(ended)
		watching.Wait()
		keys.close()
		if c.rl != nil {
			c.rl.Close()
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
	}()
	noop := func() error { return nil }
	c.rl, err = readline.NewEx(&readline.Config{
		Stdin: keys, Stdout: out, Stderr: out,
		HistoryLimit: maxHistory, DisableAutoSaveHistory: true,
		AutoComplete: &c.editor, Listener: &c.editor, FuncFilterInputRune: c.editor.filter,
		EOFPrompt: "\n", InterruptPrompt: "^C",
		FuncGetWidth: c.width, FuncIsTerminal: func() bool { return true }, FuncMakeRaw: noop, FuncExitRaw: noop,
		FuncOnWidthChanged: func(f func()) { resized = f }, ForceUseInteractive: true,
	})
	if err != nil {
		return fmt.Errorf("start line editor: %w", err)
	}
	watching.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-winch:
				if w, h, err := term.GetSize(int(out.Fd())); err == nil {
					// A session that is gone is noticed by the loop.
					_ = client.Resize(w, h)
				}
				resized()
			}
		}
	})
	return c.loop(first)
}

const maxHistory = 500

func (c *console) width() int {
	if w, _, err := term.GetSize(int(c.out.Fd())); err == nil && w > 0 {
		return w
	}
	return defaultWidth
}

func (c *console) loop(d remote.Done) error {
	for {
		line, err := c.line(d)
		switch {
		case errors.Is(err, readline.ErrInterrupt):
			continue
		case errors.Is(err, io.EOF) && c.keys.ended():
			return nil
		case errors.Is(err, io.EOF):
			line = "exit"
		case err != nil:
			return err
		}
		end := c.editor.takeEnd()
		if strings.TrimSpace(line) != "" {
			if d, err = c.run(line); err != nil {
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
	list := 0
	if d.Config {
		list = 1
	}
	if list != c.listed {
		c.rl.ResetHistory()
		for _, l := range c.history[list] {
			if err := c.rl.SaveHistory(l); err != nil {
				return "", err
			}
		}
		c.listed = list
	}
	c.editor.begin(d.Prompt)
	line, err := c.read(d.Prompt)
	if err != nil || strings.TrimSpace(line) == "" {
		return line, err
	}
	h := &c.history[list]
	if n := len(*h); n == 0 || (*h)[n-1] != line {
		*h = append(*h, line)
		if len(*h) > maxHistory {
			*h = (*h)[1:]
		}
	}
	return line, c.rl.SaveHistory(line)
}

func (c *console) read(prompt string) (string, error) {
	c.rl.SetPrompt(prompt)
	c.keys.edit(true)
	defer c.keys.edit(false)
	return c.rl.Readline()
}

// run runs a line; Ctrl-C aborts it.
func (c *console) run(line string) (remote.Done, error) {
	c.keys.onInterrupt(func() {
		io.WriteString(c.out, "^C\n")
		// A session that is gone is noticed by the reader of its output.
		_ = c.client.Interrupt()
	})
	defer c.keys.onInterrupt(nil)
	c.pager.reset(0)
	return c.client.Run(line, c)
}

// Output implements remote.Handler.
func (c *console) Output(p []byte) error { return c.pager.write(p) }

// Page implements remote.Handler.
func (c *console) Page(lines int) { c.pager.reset(lines) }

// Ask implements remote.Handler.
func (c *console) Ask(question string) (string, error) {
	i := strings.LastIndexByte(question, '\n') + 1
	if _, err := io.WriteString(c.out, question[:i]); err != nil {
		return "", err
	}
	c.editor.begin("")
	c.editor.setAsking(true)
	defer c.editor.setAsking(false)
	return c.read(question[i:])
}
