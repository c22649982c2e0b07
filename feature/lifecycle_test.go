package feature_test

import "trunkline/config/schema"

// lifecycle are the session's commands of cli.md §7, where there are no files.
var (
	lifecycle = []string{
		"checkpoint [<checkpoint>] [description <text>]", "clear checkpoint database [user|system]", "configure replace commit",
		"configure session <session>", "no checkpoint <checkpoint>",
		"rollback running-config checkpoint <checkpoint> [atomic|best-effort|stop-at-first-failure] [verbose]",
		"show accounting log [last <count>]", "show accounting log start-time <year> <month> <day> <time>", "show checkpoint [<checkpoint>|all]", "show checkpoint summary [user|system]",
		"show config-replace log exec", "show config-replace log status", "show config-replace log verify",
		"show configuration commit list", "show configuration session [<session>]", "show configuration session status",
		"show configuration session summary",
		"show diff rollback-patch {checkpoint <source>|running-config|startup-config} {checkpoint <destination>|running-config|startup-config}",
		"show rollback log exec", "show rollback log verify",
	}
	lifecycleTypes = func() map[string]schema.AnyType {
		name := schema.Word("checkpoint", "", 80)
		return map[string]schema.AnyType{
			"checkpoint": name, "source": name, "destination": name, "session": schema.Word("session", "", 63),
			"text": schema.Line("description", "", 80), "count": schema.Uint("count", "", 1, 2000), "year": schema.Uint("year", "", 2000, 2099),
			"month": schema.Enum("month", schema.Keyword{Text: "Nov"}), "day": schema.Uint("day", "", 1, 30),
			"time": schema.Enum("time", schema.Keyword{Text: "09:15:02"}),
		}
	}()
)
