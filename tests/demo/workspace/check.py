# SPDX-License-Identifier: Apache-2.0
from login import may_log_in

print("login works" if may_log_in("ADA") else "login FAILS for ADA")
