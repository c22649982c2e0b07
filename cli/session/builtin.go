package session

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"trunkline/cli/grammar"
	"trunkline/cli/render"
	"trunkline/config/schema"
)

// builtin is a command of the session itself.
type builtin struct {
	do   func(ctx context.Context, r *request) error
	show bool // its output may be filtered; it has no structure
	own  bool // it concerns the session alone, so every role may run it
	// drafts are commands of a configuration session, which leads to nothing
	// that the role may not do.
	drafts bool
}

func (b builtin) piped() bool   { return b.show }
func (b builtin) streams() bool { return !b.show }
func (b builtin) acts() bool    { return !b.show && !b.own }

func (b builtin) run(ctx context.Context, r *request) error {
	if r.format != render.Text {
		return render.ErrNoStructure
	}
	return b.do(ctx, r)
}

// Limits of terminal settings (cli.md §5).
var (
	lengthType  = schema.Uint("terminal-length", "Number of lines on the screen, 0 for no paging", 0, 511)
	widthType   = schema.Uint("terminal-width", "Number of characters on a line", 24, 511)
	timeoutType = schema.Uint("session-timeout", "Minutes without input until the session ends, 0 for never", 0, 525600)
	numberType  = schema.Uint("number", "Number of lines", 1, historyLines)
	nameType    = schema.Word("name", "Name of the saved mode", 32)
)

var builtinWords = schema.Words{
	"show":                             "Show running system information",
	"show cli":                         "Command line information",
	"show running-config":              "Current operating configuration",
	"show running-config diff":         "Difference between running and startup configuration",
	"clear":                            "Reset functions",
	"configure":                        "Enter configuration mode",
	"configure terminal":               "Configure the system from terminal input",
	"copy":                             "Copy a configuration",
	"copy running-config":              "Current operating configuration",
	"terminal":                         "Set terminal parameters of this session",
	"terminal no":                      "Negate a terminal parameter",
	"no":                               "Negate a command",
	"no terminal":                      "Set terminal parameters of this session",
	"terminal redirection-mode":        "How output is written to files",
	"terminal redirection-mode ascii":  "As text",
	"terminal redirection-mode zipped": "Compressed with gzip",
	"write":                            "Write or erase the startup configuration",
	"write memory":                     "Save the running configuration",
	"reload":                           "Reboot the system or a module",
	"show cli history unformatted":     "Lines only",
	"show running-config unified":      "In unified format",
	"show running-config diff unified": "In unified format",
}

// builtins are the exec commands that every product has.
func (c *CLI) builtins() []grammar.Command {
	var all []grammar.Command
	add := func(template, help string, b builtin, types map[string]schema.AnyType) {
		all = append(all, grammar.Command{Template: template, Help: help, Types: types, Words: builtinWords, Tag: b})
	}
	act := func(do func(ctx context.Context, r *request) error) builtin { return builtin{do: do} }
	own := func(do func(ctx context.Context, r *request) error) builtin { return builtin{do: do, own: true} }
	show := func(do func(ctx context.Context, r *request) error) builtin { return builtin{do: do, show: true} }

	add("configure [terminal]", "Enter configuration mode", act(configureTerminal), nil)
	add("enable", "Turn on privileged commands", own(nothing), nil)
	add("end", "Go to exec mode", own(end), nil)
	add("exit", "Exit from command interpreter", own(exit), nil)
	add("where", "Show the current mode", own(where), nil)
	add("copy running-config startup-config", "Save the running configuration", act(save), nil)
	add("write [memory]", "Save the running configuration", act(save), nil)
	add("write erase", "Erase the startup configuration", act(erase), nil)
	add("reload", "Reboot the system", act(reload), nil)
	add("reload module <module>", "Reboot a module", act(reloadModule), map[string]schema.AnyType{"module": schema.Uint("module", "Module number", 1, 258)})
	add("terminal length <length>", "Set the number of lines on the screen", own(terminalLength), map[string]schema.AnyType{"length": lengthType})
	add("terminal width <width>", "Set the width of the screen", own(terminalWidth), map[string]schema.AnyType{"width": widthType})
	add("terminal session-timeout <timeout>", "Set the session timeout", own(terminalTimeout), map[string]schema.AnyType{"timeout": timeoutType})
	add("terminal dont-ask", "Answer yes to all questions", own(dontAsk(true)), nil)
	add("no terminal dont-ask", "Answer yes to all questions", own(dontAsk(false)), nil)
	add("terminal no dont-ask", "Answer yes to all questions", own(dontAsk(false)), nil)
	add("show terminal", "Terminal parameters of this session", show(showTerminal), nil)
	add("show cli history [<number>] [unformatted]", "Lines typed in this mode", show(showHistory), map[string]schema.AnyType{"number": numberType})
	add("terminal redirection-mode {ascii|zipped}", "How output is written to files", own(redirectionMode), nil)
	add("terminal log-all", "Account for all commands", own(logAll(true)), nil)
	add("no terminal log-all", "Account for all commands", own(logAll(false)), nil)
	add("terminal no log-all", "Account for all commands", own(logAll(false)), nil)
	all = append(all, listCommands()...)
	all = append(all, variableCommands()...)
	all = append(all, c.lifecycle()...)
	return append(all, c.configShows()...)
}

// moving are the commands that change the mode, in every configuration mode.
func moving() []grammar.Command {
	name := map[string]schema.AnyType{"name": nameType}
	return []grammar.Command{
		{Template: "end", Help: "Go to exec mode", Tag: builtin{do: end, own: true}},
		{Template: "exit", Help: "Exit from command interpreter", Tag: builtin{do: exit, own: true}},
		{Template: "pop [<name>]", Types: name, Help: "Pop mode from stack or restore from name", Tag: builtin{do: pop, own: true}},
		{Template: "push [<name>]", Types: name, Help: "Push current mode to stack or save it under name", Tag: builtin{do: push, own: true}},
		{Template: "where", Help: "Shows the cli context you are in", Tag: builtin{do: where, own: true}},
	}
}

// entering is what configure terminal says.
const entering = "Enter configuration commands, one per line. End with CNTL/Z.\n"

func configureTerminal(_ context.Context, r *request) error {
	io.WriteString(r.console, entering)
	r.stack = []level{global()}
	return nil
}

// nothing is for clients that ask for rights that everybody has.
func nothing(context.Context, *request) error { return nil }

func exit(_ context.Context, r *request) error {
	if len(r.stack) == 0 {
		r.close = true
		return nil
	}
	r.stack = r.stack[:len(r.stack)-1]
	return nil
}

func end(_ context.Context, r *request) error {
	r.stack = nil
	return nil
}

const maxPushed = 64

func push(_ context.Context, r *request) error {
	saved := slices.Clone(r.stack)
	if name, ok := r.match.Values["name"].(string); ok {
		if len(r.named) < maxPushed || r.named[name] != nil {
			r.named[name] = saved
		}
		return nil
	}
	if r.pushed = append(r.pushed, saved); len(r.pushed) > maxPushed {
		r.pushed = r.pushed[1:]
	}
	return nil
}

func pop(_ context.Context, r *request) error {
	if name, ok := r.match.Values["name"].(string); ok {
		if saved := r.named[name]; saved != nil {
			r.stack = slices.Clone(saved)
		}
		return nil
	}
	if n := len(r.pushed); n > 0 {
		r.stack, r.pushed = r.pushed[n-1], r.pushed[:n-1]
	}
	return nil
}

func where(_ context.Context, r *request) error {
	var modes []string
	for _, l := range r.stack {
		modes = append(modes, l.text)
	}
	if modes == nil {
		modes = []string{"exec"}
	}
	host := r.cli.hostname(r.cli.product.Store.Running().Tree)
	_, err := fmt.Fprintf(r.out, "  %s      %s@%s%%default\n", strings.Join(modes, "; "), r.opts.Who.User, host)
	return err
}

func save(ctx context.Context, r *request) error {
	if err := r.cli.product.Host.SaveStartup(ctx, r.opts.Who); err != nil {
		return err
	}
	_, err := io.WriteString(r.out, "["+strings.Repeat("#", 40)+"] 100%\n"+
		"Copy complete, now saving to disk (please wait)...\nCopy complete.\n")
	return err
}

func erase(ctx context.Context, r *request) error {
	question := "Warning: This command will erase the startup-configuration.\nDo you wish to proceed anyway? (y/n)  [n] "
	if err := r.confirm(ctx, question, false); err != nil {
		return err
	}
	return r.cli.product.Host.EraseStartup(ctx)
}

func reload(ctx context.Context, r *request) error {
	if err := r.confirm(ctx, "This command will reboot the system. (y/n)?  [n] ", false); err != nil {
		return err
	}
	if err := r.cli.product.Host.Reload(ctx); err != nil {
		return err
	}
	r.close = true // the session is with a supervisor that ends
	return nil
}

func reloadModule(ctx context.Context, r *request) error {
	slot := int(r.match.Values["module"].(uint32))
	if err := r.confirm(ctx, fmt.Sprintf("This command will reboot module %d. (y/n)?  [n] ", slot), false); err != nil {
		return err
	}
	return r.cli.product.Host.ReloadModule(ctx, slot)
}

func terminalLength(_ context.Context, r *request) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.setLength = int(r.match.Values["length"].(uint32))
	return nil
}

func terminalWidth(_ context.Context, r *request) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.setWidth = int(r.match.Values["width"].(uint32))
	return nil
}

func terminalTimeout(_ context.Context, r *request) error {
	r.idle = time.Duration(r.match.Values["timeout"].(uint32)) * time.Minute
	return nil
}

func dontAsk(v bool) func(context.Context, *request) error {
	return func(_ context.Context, r *request) error {
		r.dontAsk = v
		return nil
	}
}

func redirectionMode(_ context.Context, r *request) error {
	r.zipped = r.args().Has("zipped")
	return nil
}

func logAll(v bool) func(context.Context, *request) error {
	return func(_ context.Context, r *request) error {
		r.Session.logAll = v
		return nil
	}
}

func showTerminal(_ context.Context, r *request) error {
	length, width := r.size()
	tty, kind := r.opts.Who.TTY, r.opts.Terminal
	if tty == "" {
		tty = "none"
	}
	if kind == "" {
		kind = "dumb"
	}
	redirection, all := "ascii", "no"
	if r.zipped {
		redirection = "zipped"
	}
	if r.logAll {
		all = "yes"
	}
	_, err := fmt.Fprintf(r.out, "TTY: %s Type: %q\nLength: %d lines, Width: %d columns\nSession Timeout: %d minutes\n"+
		"Event Manager CLI event bypass: no\nRedirection mode: %s\n"+
		"Accounting log all commands (including show commands): %s\nVlan batch mode: yes\n",
		tty, kind, length, width, int(r.idle/time.Minute), redirection, all)
	return err
}

func showHistory(_ context.Context, r *request) error {
	list := r.history[0]
	if r.Configuring() {
		list = r.history[1]
	}
	first := 0
	if n, ok := r.match.Values["number"].(uint32); ok {
		first = max(0, len(list)-int(n))
	}
	for i, e := range list[first:] {
		var err error
		if slices.Contains(r.match.Words, "unformatted") {
			_, err = fmt.Fprintf(r.out, "%s\n", e.line)
		} else {
			_, err = fmt.Fprintf(r.out, "%-5d %s   %s\n", first+i, e.at.Format("15:04:05"), e.line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
