// Package version names this build.
package version

// String is the version as operators see it.
const String = "1.0(1)"
