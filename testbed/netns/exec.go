package netns

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// Start starts a command in the namespace. The caller waits for it.
func (n NS) Start(cmd *exec.Cmd) error {
	// A fork inherits the namespace of its thread.
	return n.Do(cmd.Start)
}

// Output runs a command in the namespace and returns what it printed; an error
// holds that too.
func (n NS) Output(ctx context.Context, argv ...string) (string, error) {
	var out strings.Builder
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := n.Start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(out.String()))
	}
	return out.String(), nil
}
