package manual

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"trunkline/internal/flagenv"
	"trunkline/linecard"
)

// program is one binary: what it says of itself with --help.
type program struct {
	name, section, does string
	text                string // what it is for, a paragraph
	flags               []flagText
	commands            []subcommand
}

// subcommand is a word after the name, with flags of its own.
type subcommand struct {
	words, usage, help string
	flags              []flagText
}

// flagText is a flag as package flag prints it. Of a flag without value, value is
// empty.
type flagText struct{ name, value, help string }

// programs asks the binaries what they know. Words of commands and what they are for
// are theirs or, where a binary prints none, of this list; flags are always theirs.
func programs(ctx context.Context, root string) ([]*program, error) {
	all := []*program{
		{name: "trunkline", section: "8", does: "all-in-one switch, and its lab",
			text: "Runs a supervisor and a line card in one process, as an appliance or as a private chassis to try things on.",
			commands: []subcommand{
				{words: "run", help: "the appliance: one supervisor and one line card, in the foreground"},
				{words: "lab", help: "a private chassis with two line cards and four hosts, and its prompt"},
				{words: "version", help: "print the version"},
			}},
		{name: "vsm", section: "8", does: "supervisor of a Trunkline chassis",
			text: "Holds the configuration of a chassis and serves its prompt, SSH, NX-API and gNMI, and the line cards.",
			commands: []subcommand{
				{words: "token", help: "print a one-time enrolment token"},
				{words: "schema yang", help: "print the YANG model of configuration and state"},
			}},
		{name: "vem", section: "8", does: "line card of a Trunkline chassis",
			text: "Switches frames between the ports of one host, as a supervisor says, and goes on without one."},
		{name: "vsh", section: "1", does: "prompt of a Trunkline supervisor",
			text: "Opens the supervisor's prompt on its host. With -c, or lines on standard input that is no terminal, it runs them and exits with status 1 if a command failed."},
		{name: "vemcmd", section: "8", does: "a host's view of its line card",
			text: "Asks the line card of this host itself, and works with no supervisor."},
	}
	for _, c := range linecard.Commands() {
		all[4].commands = append(all[4].commands, subcommand{words: c[0], usage: c[1], help: c[2]})
	}
	dir, err := os.MkdirTemp("", "trunkline-manual-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	build := exec.CommandContext(ctx, "go", "build", "-o", dir+"/", "./cmd/...")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build: %w\n%s", err, out)
	}
	for _, p := range all {
		binary := filepath.Join(dir, p.name)
		if p.flags, err = flagsOf(ctx, binary); err != nil {
			return nil, err
		}
		for i := range p.commands {
			c := &p.commands[i]
			if p.name != "vemcmd" && c.words != "version" && c.words != "schema yang" { // these take none
				if c.flags, err = flagsOf(ctx, binary, c.words); err != nil {
					return nil, err
				}
			}
		}
	}
	return all, nil
}

// flagLine is a flag as flag.PrintDefaults prints it: its name, what its value is,
// and the help of short ones on the same line.
var flagLine = regexp.MustCompile(`^  -([a-z][a-z0-9-]*)(?: ([^\t]+))?(?:\t(.*))?$`)

// flagsOf returns the flags that the command lists with --help.
func flagsOf(ctx context.Context, binary string, words ...string) ([]flagText, error) {
	cmd := exec.CommandContext(ctx, binary, append(slices.Clone(words), "--help")...)
	cmd.Env = []string{} // flags have twins in the environment
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var status *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &status) {
		return nil, err
	}
	return parseFlags(out.String()), nil
}

// parseFlags reads what flag.PrintDefaults printed.
func parseFlags(text string) []flagText {
	var all []flagText
	for line := range strings.SplitSeq(text, "\n") {
		if help, more := strings.CutPrefix(line, "    \t"); more && len(all) > 0 {
			last := &all[len(all)-1]
			last.help = strings.TrimSpace(last.help + " " + help)
		} else if m := flagLine.FindStringSubmatch(line); m != nil {
			all = append(all, flagText{m[1], m[2], m[3]})
		}
	}
	return all
}

// option is the flag as it is typed: one dash for one letter.
func (f flagText) option() string {
	if len(f.name) == 1 {
		return "-" + f.name
	}
	return "--" + f.name
}

// variable is the flag's twin in the environment.
func (f flagText) variable() string { return flagenv.Name(f.name) }

// file reports whether a file or directory is what completes the value.
func (f flagText) file() bool {
	if f.value == "file" {
		return true
	}
	for _, w := range []string{"-dir", "socket", "config", "-file", "tls-"} {
		if strings.Contains(f.name, w) && f.value != "" {
			return true
		}
	}
	return false
}
