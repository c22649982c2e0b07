package session

import (
	"context"

	"trunkline/cli/grammar"
	"trunkline/config/draft"
	"trunkline/config/history"
	"trunkline/config/schema"
)

// checkpointsList is the list of checkpoints for completion; it is no list of
// the schema.
const checkpointsList = "checkpoints"

// checkpointType is the name of a checkpoint.
var checkpointType = func() schema.Type[string] {
	t := schema.Word("checkpoint", "Checkpoint name", history.MaxName)
	t.Syntax.Objects = checkpointsList
	return t
}()

var lifecycleTypes = map[string]schema.AnyType{
	"checkpoint": checkpointType, "source": checkpointType, "destination": checkpointType,
	"file": fileType, "source-file": fileType, "destination-file": fileType,
	"text":    schema.Line("description", "Description of the checkpoint", history.MaxDescription),
	"session": schema.Word("session", "Name of the configuration session", draft.MaxName),
	"seconds": schema.Uint("commit-timeout", "Seconds until the previous configuration returns", 30, 3600),
	"minutes": schema.Uint("confirmed", "Minutes until the previous configuration returns", 1, 60),
	"count":   schema.Uint("accounts", "Number of commands", 1, maxAccounts),
	"year":    schema.Uint("year", "Year", 2000, 2099),
	"month":   monthType,
	"day":     schema.Uint("day", "Day of the month", 1, 31),
	"time":    timeType,
	"line":    schema.Uint("line-number", "Number of a line of the configuration session", 1, draft.MaxLines),
}

var lifecycleWords = schema.Words{
	"checkpoint": "Create a configuration checkpoint", "checkpoint description": "Description of the checkpoint",
	"checkpoint file": "Create a checkpoint in a file", "no checkpoint": "Delete a checkpoint",
	"clear checkpoint": "Checkpoints", "clear checkpoint database": "All checkpoints",
	"clear checkpoint database user": "Those of operators", "clear checkpoint database system": "Those of the system",
	"configure session": "Configuration session", "configure replace": "Replace the running configuration",
	"configure replace best-effort":     "Go on where a command fails",
	"configure replace commit":          "Keep the configuration that replaced the previous one",
	"configure replace commit-timeout":  "Time until the previous configuration returns",
	"configure replace non-interactive": "Do not ask", "configure replace show-patch": "Show the patch",
	"configure replace verbose": "Show the commands as they are executed",
	"rollback":                  "Roll configuration back", "rollback running-config": "Roll the running configuration back",
	"rollback running-config checkpoint": "To a checkpoint", "rollback running-config file": "To a checkpoint file",
	"rollback running-config atomic":                "All or nothing",
	"rollback running-config best-effort":           "Go on where a command fails",
	"rollback running-config stop-at-first-failure": "Stop at the first command that fails",
	"rollback running-config verbose":               "Show the commands as they are executed",
	"show accounting":                               "Accounting information", "show accounting log": "Commands that changed something",
	"show accounting log last": "The last of them", "show accounting log start-time": "Those from a time on",
	"show checkpoint": "Checkpoints", "show checkpoint all": "All checkpoints", "show checkpoint summary": "Summary of checkpoints",
	"show checkpoint summary user": "Those of operators", "show checkpoint summary system": "Those of the system",
	"show config-replace": "Replacement of the configuration", "show config-replace log": "Log of the last replacement",
	"show configuration": "Configuration sessions and commits", "show configuration commit": "Commits",
	"show configuration session": "Configuration sessions", "show configuration session summary": "Summary of configuration sessions",
	"show configuration session status": "Status of configuration sessions",
	"show diff":                         "Differences", "show diff rollback-patch": "Commands that turn one configuration into another",
	"show diff rollback-patch checkpoint":     "Configuration of a checkpoint",
	"show diff rollback-patch file":           "Configuration in a file",
	"show diff rollback-patch running-config": "Current operating configuration",
	"show diff rollback-patch startup-config": "Startup configuration",
	"show rollback":                           "Rollback", "show rollback log": "Log of the last rollback",
}

// lifecycle are the commands of cli.md §7 beyond those of every product's start
// and end.
func (c *CLI) lifecycle() []grammar.Command {
	var all []grammar.Command
	add := func(template, help string, b builtin) {
		all = append(all, grammar.Command{Template: template, Help: help, Types: lifecycleTypes, Words: lifecycleWords, Tag: b})
	}
	act := func(do func(ctx context.Context, r *request) error) builtin { return builtin{do: do} }
	show := func(do func(ctx context.Context, r *request) error) builtin { return builtin{do: do, show: true} }

	add("configure session <session>", "Configuration session", act(configureSession))
	add("checkpoint [<checkpoint>] [description <text>]", "Create a configuration checkpoint", act(checkpoint))
	add("no checkpoint <checkpoint>", "Delete a checkpoint", act(noCheckpoint))
	add("clear checkpoint database [user|system]", "All checkpoints", act(clearCheckpoints))
	add("rollback running-config checkpoint <checkpoint> [atomic|best-effort|stop-at-first-failure] [verbose]", "To a checkpoint", act(rollback))
	add("configure replace commit", "Keep the configuration that replaced the previous one", act(replaceCommit))
	add("show accounting log [last <count>]", "Commands that changed something", show(showAccounting))
	add("show accounting log start-time <year> <month> <day> <time>", "Commands from a time on", show(showAccounting))
	add("show checkpoint [<checkpoint>|all]", "Checkpoints", show(showCheckpoint))
	add("show checkpoint summary [user|system]", "Summary of checkpoints", show(showCheckpointSummary))
	add("show configuration commit list", "List of commits", show(showCommits))
	add("show configuration session [<session>]", "Configuration sessions", show(showSession))
	add("show configuration session summary", "Summary of configuration sessions", show(showSessionSummary))
	add("show configuration session status", "Status of configuration sessions", show(showSessionStatus))
	add("show rollback log exec", "Commands that were executed", show(showExecLog(func(c *CLI) *operations { return &c.rollbacks })))
	add("show rollback log verify", "What was verified", show(showVerifyLog(func(c *CLI) *operations { return &c.rollbacks })))
	add("show config-replace log exec", "Commands that were executed", show(showExecLog(func(c *CLI) *operations { return &c.replaces })))
	add("show config-replace log verify", "What was verified", show(showVerifyLog(func(c *CLI) *operations { return &c.replaces })))
	add("show config-replace log status", "Status of the last replacement", show(showReplaceStatus))
	sources := "{checkpoint <source>|running-config|startup-config} {checkpoint <destination>|running-config|startup-config}"
	if c.product.Files != nil {
		sources = "{checkpoint <source>|running-config|startup-config|file <source-file>} " +
			"{checkpoint <destination>|running-config|startup-config|file <destination-file>}"
		add("checkpoint file <file>", "Create a checkpoint in a file", act(checkpointFile))
		add("rollback running-config file <file> [atomic|best-effort|stop-at-first-failure] [verbose]", "To a checkpoint file", act(rollback))
		add("configure replace <file> [best-effort] [commit-timeout <seconds>] [non-interactive] [verbose] [show-patch]",
			"Replace the running configuration", act(replace))
	}
	add("show diff rollback-patch "+sources, "Commands that turn one configuration into another", show(showPatch))
	return all
}
