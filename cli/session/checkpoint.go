package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"trunkline/cli/files"
	"trunkline/config"
	"trunkline/config/history"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Layouts of checkpoints (cli.md §7.3).
const (
	checkpointTime = "Mon, 15:04:05 02 Jan 2006"
	checkpointRule = 80
)

// maxConfigFile is the size of the largest configuration file, in bytes.
const maxConfigFile = 8 << 20

func checkpoint(ctx context.Context, r *request) error {
	name, named := feature.Value[string](r.args(), "checkpoint")
	description, _ := feature.Value[string](r.args(), "text")
	c, err := r.cli.history.Save(ctx, name, description, r.meta(r.line))
	if err != nil {
		return err
	}
	if !named {
		fmt.Fprintf(r.out, "%s created Successfully\n", c.Name)
	}
	_, err = io.WriteString(r.out, "Done\n")
	return err
}

func checkpointFile(_ context.Context, r *request) error {
	release, err := r.cli.product.Store.Exclusive()
	if err != nil {
		return err
	}
	defer release()
	data, err := r.configText(files.Running, r.line)
	if err != nil {
		return err
	}
	if err := r.cli.product.Files.Write(r.fileOf("file"), data); err != nil {
		return err
	}
	_, err = io.WriteString(r.out, "Done\n")
	return err
}

func noCheckpoint(ctx context.Context, r *request) error {
	name, _ := feature.Value[string](r.args(), "checkpoint")
	return r.cli.history.Delete(ctx, name)
}

func clearCheckpoints(ctx context.Context, r *request) error {
	user, system := r.args().Has("user"), r.args().Has("system")
	return r.cli.history.Clear(ctx, user || !system, system || !user)
}

// fileOf is the full name of the file that a placeholder holds.
func (r *request) fileOf(placeholder string) string {
	text, _ := r.match.Values[placeholder].(string)
	return r.file(text)
}

// readConfig reads a configuration file whole; see parseWhole.
func (r *request) readConfig(file string) (tree.Tree, []LineError, error) {
	data, err := r.cli.product.Files.Read(file, maxConfigFile)
	if err != nil {
		return tree.Tree{}, nil, err
	}
	return r.parseWhole(file, data)
}

// parseWhole reads the text of a configuration that a name is of. It is an error if
// it is not one from its version line on; lines that cannot be read are returned.
func (r *request) parseWhole(name string, data []byte) (tree.Tree, []LineError, error) {
	if !versioned(string(data)) {
		return tree.Tree{}, nil, feature.Error("ERROR: " + name + " is not a full configuration: it does not begin with a version line.")
	}
	t, bad := r.cli.ParseConfig(string(data))
	return t, bad, nil
}

// versioned reports whether the first line that is no comment is a version line.
func versioned(text string) bool {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '!' {
			return strings.HasPrefix(line, "version ")
		}
	}
	return false
}

// wholeConfig reads a configuration file of which every line must be right.
func (r *request) wholeConfig(file string) (tree.Tree, error) {
	t, bad, err := r.readConfig(file)
	if err != nil {
		return t, err
	}
	return t, r.lineErrors(file, bad)
}

// lineErrors joins what is wrong with lines of a file, nil for nothing.
func (r *request) lineErrors(file string, bad []LineError) error {
	if len(bad) == 0 {
		return nil
	}
	const most = 10
	var b strings.Builder
	fmt.Fprintf(&b, "ERROR: %s cannot be used:", file)
	for i, e := range bad {
		if i == most {
			fmt.Fprintf(&b, "\n%d more lines", len(bad)-most)
			break
		}
		if !r.readsSecrets() {
			e.Text = hidden
		}
		b.WriteString("\n" + e.Error())
	}
	return feature.Error(b.String())
}

// sources are the configurations that a command may name, by keyword. The
// placeholder carries the name of a checkpoint; that of a file is called so
// with "-file", or "file".
var sources = map[string]func(ctx context.Context, r *request, checkpoint, file string) (tree.Tree, error){
	"running-config": func(_ context.Context, r *request, _, _ string) (tree.Tree, error) {
		io.WriteString(r.out, "Collecting Running-Config\n")
		return r.cli.product.Store.Running().Tree, nil
	},
	"startup-config": func(_ context.Context, r *request, _, _ string) (tree.Tree, error) {
		s, ok := r.cli.product.Store.Startup()
		if !ok {
			return s.Tree, errNoStartup
		}
		return s.Tree, nil
	},
	"checkpoint": func(ctx context.Context, r *request, checkpoint, _ string) (tree.Tree, error) {
		return r.checkpointTree(ctx, checkpoint)
	},
	"file": func(_ context.Context, r *request, _, file string) (tree.Tree, error) {
		if err := r.mayReadFile(); err != nil {
			return tree.Tree{}, err
		}
		return r.wholeConfig(r.fileOf(file))
	},
}

const errNoStartup = feature.Error("ERROR: There is no startup configuration.")

// checkpointTree returns the configuration of the checkpoint that a placeholder
// names.
func (r *request) checkpointTree(ctx context.Context, placeholder string) (tree.Tree, error) {
	name, _ := r.match.Values[placeholder].(string)
	_, t, err := r.cli.history.Checkpoint(ctx, name)
	if errors.Is(err, history.ErrNoCheckpoint) {
		err = feature.Error("ERROR: Checkpoint does not exist: " + name)
	}
	return t, err
}

// showPatch prints the commands that turn one configuration into another.
func showPatch(ctx context.Context, r *request) error {
	words := r.match.Words[len(r.match.Words)-2:]
	from, err := sources[words[0]](ctx, r, "source", "source-file")
	if err != nil {
		return err
	}
	to, err := sources[words[1]](ctx, r, "destination", "destination-file")
	if err != nil {
		return err
	}
	if _, err := io.WriteString(r.out, patchStep+"\n"); err != nil {
		return err
	}
	lines := r.patch(r.seen(from), r.seen(to))
	if len(lines) == 0 {
		_, err = io.WriteString(r.out, emptyPatch+"\n")
		return err
	}
	_, err = io.WriteString(r.out, "\n"+strings.Join(lines, ""))
	return err
}

// patch are the lines that turn one configuration into another, indented.
func (r *request) patch(from, to tree.Tree) []string {
	var all []string
	for depth, text := range r.cli.product.Schema.Patch(from, to) {
		all = append(all, indent(depth, text))
	}
	return all
}

func showCheckpoint(ctx context.Context, r *request) error {
	name, named := feature.Value[string](r.args(), "checkpoint")
	found := false
	for _, c := range r.cli.history.Checkpoints() {
		if named && c.Name != name {
			continue
		}
		found = true
		_, t, err := r.cli.history.Checkpoint(ctx, c.Name)
		if errors.Is(err, history.ErrNoCheckpoint) {
			continue // removed meanwhile
		}
		if err != nil {
			return err
		}
		rule := strings.Repeat("-", checkpointRule)
		if _, err := fmt.Fprintf(r.out, "%s\nName: %s\n\nversion %s\n", rule, c.Name, r.cli.product.Version); err != nil {
			return err
		}
		for depth, text := range r.cli.product.Schema.Print(r.seen(t), schema.PrintOptions{}) {
			if _, err := io.WriteString(r.out, indent(depth, text)); err != nil {
				return err
			}
		}
	}
	if named && !found {
		return feature.Error("ERROR: Checkpoint does not exist: " + name)
	}
	return nil
}

func showCheckpointSummary(_ context.Context, r *request) error {
	var own, systems []history.Checkpoint
	for _, c := range r.cli.history.Checkpoints() {
		if c.System() {
			systems = append(systems, c)
		} else {
			own = append(own, c)
		}
	}
	user, system := r.args().Has("user"), r.args().Has("system")
	if len(own) > 0 && !system || user || len(systems) == 0 && !system {
		if err := r.summary("User", own); err != nil {
			return err
		}
	}
	if len(systems) > 0 && !user || system {
		return r.summary("System", systems)
	}
	return nil
}

// summary prints the checkpoints of operators or of the system.
func (r *request) summary(title string, all []history.Checkpoint) error {
	if _, err := fmt.Fprintf(r.out, "%s Checkpoint Summary\n%s\n", title, strings.Repeat("-", checkpointRule)); err != nil {
		return err
	}
	for i, c := range all {
		description := c.Description
		if description == "" {
			description = "None"
		}
		if _, err := fmt.Fprintf(r.out, "%d) %s:\nCreated by %s\nCreated at %s\nSize is %s bytes\nDescription: %s\n\n",
			i+1, c.Name, c.By, r.cli.local(c.At).Format(checkpointTime), thousands(c.Size), description); err != nil {
			return err
		}
	}
	return nil
}

// thousands prints a number with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// showCommits lists the commits that are kept, the last first.
func showCommits(_ context.Context, r *request) error {
	if _, err := fmt.Fprintf(r.out, "%-8s %-24s %-16s %-9s %s\n%s\n", "Commit", "Time", "User", "Method", "Command", strings.Repeat("-", checkpointRule)); err != nil {
		return err
	}
	for _, c := range r.cli.history.Commits(config.MaxCommits) {
		method := c.Method
		if method == "" {
			method = config.MethodCLI
		}
		if _, err := fmt.Fprintf(r.out, "%-8d %s %-16s %-9s %s\n", c.Generation, r.cli.local(c.At).Format(timeLayout), c.User, method, c.Line); err != nil {
			return err
		}
	}
	return nil
}
