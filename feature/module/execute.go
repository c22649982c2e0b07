package module

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/feature"
	"trunkline/linecard/api"
)

var execs = []feature.Exec{executeExec, clearExec}

var clearExec = feature.Exec{
	Line:  "clear module <slot> certificate",
	Types: map[string]schema.AnyType{"slot": slotType},
	Words: schema.Words{
		"clear": "Reset functions", "clear module": "Module information",
		"clear module certificate": "Forget the key of the module's host, which may enrol with a new one",
	},
	Help: "Forget the key of the module's host, which may enrol with a new one",
	Run:  clearCertificate,
}

var executeExec = feature.Exec{
	Line:  "module vem <slot> execute <command>",
	Types: map[string]schema.AnyType{"slot": slotType, "command": schema.Line("command", "Command of the module", 512)},
	Words: schema.Words{
		"module": "Run a command on a module", "module vem": "Virtual Ethernet module",
		"module vem execute": "Run a debug command of the module",
	},
	Help: "Run a debug command of the module",
	Run:  execute,
}

// clearCertificate is for a host that was installed anew: the key it had is
// forgotten.
func clearCertificate(ctx context.Context, q feature.Query, host feature.Host, _ feature.Output) error {
	slot, _ := feature.Value[uint32](q.Args, "slot")
	for _, m := range slots(q) {
		if m.Slot != int(slot) {
			continue
		}
		if !slices.ContainsFunc(q.State.Hosts, func(h feature.HostKey) bool { return h.UUID == m.UUID && h.Fingerprint != "" }) {
			return feature.Error(fmt.Sprintf("ERROR: The host of module %d has no key.", slot))
		}
		return host.ForgetHost(ctx, m.UUID)
	}
	return noModule(int(slot))
}

func execute(ctx context.Context, q feature.Query, _ feature.Host, out feature.Output) error {
	slot, _ := feature.Value[uint32](q.Args, "slot")
	command, _ := feature.Value[string](q.Args, "command")
	args := strings.Fields(command)
	if len(args) > 1 && args[0] == "vemcmd" { // as operators of the heritage product type it
		args = args[1:]
	}
	request, err := json.Marshal(api.ExecuteQuery{Args: args})
	if err != nil {
		return fmt.Errorf("encode command: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	text, err := ask(ctx, q, int(slot), "execute", request)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}
