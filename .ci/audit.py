"""Have pip-audit look for known vulnerabilities in what is installed beside it.

Exits with 1 when it knows one. When the advisories cannot be asked for, says that nothing was
audited and exits with 0: that is no finding, and no clean bill either.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

OWN = "x402-cardano-facilitator"


def main() -> int:
    """Audit, print one line that begins with ``audit:`` and return the exit code."""
    command = ["pip-audit", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(done.stderr, file=sys.stderr)
        print("audit: NOTHING WAS AUDITED, pip-audit could not ask for advisories (see above)")
        return 0
    return judge([each for each in dependencies if each["name"] != OWN])


def judge(dependencies: Sequence[dict[str, Any]]) -> int:
    """Print what is known of the dependencies, and return the exit code."""
    skipped = [each for each in dependencies if "skip_reason" in each]
    vulnerable = [each for each in dependencies if each.get("vulns")]
    for each in skipped:
        print(f"not audited: {each['skip_reason']}")
    for each in vulnerable:
        for known in each["vulns"]:
            fixed = ", ".join(known["fix_versions"]) or "no version yet"
            print(f"{each['name']} {each['version']}: {known['id']}, fixed in {fixed}")
    audited = len(dependencies) - len(skipped)
    if not audited:
        print("audit: NOTHING WAS AUDITED, the source of advisories knows none of the packages")
        return 0
    print(
        f"audit: {audited} packages, {len(vulnerable)} of them vulnerable, {len(skipped)} unknown"
    )
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
