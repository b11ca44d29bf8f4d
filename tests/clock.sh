# shellcheck shell=sh
# Read by scripts that say how long something took.

# clock FILE: sets NOW to the seconds of processor time that this shell and all that it has waited for have taken. FILE is
# written to: a subshell would count its own.
clock() {
    times >"$1"
    # shellcheck disable=SC2034 # whoever reads this file uses it
    now=$(awk -F '[ ms]+' '{ sum += $1 * 60 + $2 + $3 * 60 + $4 } END { printf "%d", sum + 0.5 }' "$1")
}
