# SPDX-License-Identifier: Apache-2.0
# awk -v backend=NAME -v loops=PREFIX -f arm_counts.awk TEXT LAYERS COUNTS: see arm_counts.sh.
#   TEXT    objdump -d
#   LAYERS  network, kernel, MACs run, MACs of the layer in its network; tabs between
#   COUNTS  layer number (from 1), address, times executed, instructions from there on
# Writes the main loops to PREFIX.gemm and PREFIX.depthwise.

function pad(address) { return substr("0000000000000000" address, length(address) + 1) }

# Multiply-accumulates of one instruction.
function macs(op, arguments) {
  if (op ~ /^(us|su|s|u)mmla$/) return 32
  if (op ~ /^(us|su|s|u)dot$/) return 16
  if (op ~ /^[su]ml[as]l2?$|^[su]mull2?$/) return arguments ~ /^v[0-9]+\.8h/ ? 8 : arguments ~ /^v[0-9]+\.4s/ ? 4 : 0
  if (op ~ /^ml[as]$|^mul$/) return arguments ~ /^v[0-9]+\.8h/ ? 8 : arguments ~ /^v[0-9]+\.(16b|4s)/ ? 4 : 0
  return 0
}
function is_simd(op, arguments) { return op !~ /^(st|b)/ && arguments ~ /(^|[ ,{])[vqdshb][0-9]/ }

FILENAME == ARGV[1] && /^[0-9a-f]+ <.*>:$/ {
  own = $2 ~ /7kernels(4neon|7dotprod|4i8mm)/  # a backend may run slots of its base
  next
}
FILENAME == ARGV[1] && own && /^ *[0-9a-f]+:\t/ {
  split($0, part, "\t")
  address = substr(part[1], 1, index(part[1], ":") - 1)
  gsub(/ /, "", address)
  number[pad(address)] = ++n
  op[n] = part[2]
  arguments[n] = part[3]
  mac[n] = macs(op[n], part[3])
  if (op[n] ~ /^(b|b\..*|cbn?z|tbn?z)$/ && match(part[3], /[0-9a-f]+ </)) target[n] = pad(substr(part[3], RSTART, RLENGTH - 2))
  next
}
FILENAME == ARGV[2] { split($0, part, "\t"); ++layers; class[layers] = part[1] " " part[2]; run[layers] = part[3]; weight[layers] = part[4]; next }
FILENAME == ARGV[3] {
  executed[$1] += $3 * $4
  if (!($2 in number)) next
  for (i = number[$2]; i < number[$2] + $4; ++i) {
    times[$1, i] += $3
    if (class[$1] ~ /depthwise/) deep[i] += $3; else flat[i] += $3
  }
}

# Loops, by a jump back within the code of this backend; where two jump to one place the longer one.
function find_loops(   i, t, j) {
  for (i = 1; i <= n; ++i) {
    if (!(i in target) || !(target[i] in number) || number[target[i]] > i) continue
    last[number[target[i]]] = i
  }
  for (t in last) {
    body_macs = 0
    for (i = t + 0; i <= last[t]; ++i) body_macs += mac[i]
    if (body_macs == 0) delete last[t]; else loop_macs[t] = body_macs
  }
  for (t in last) {  # innermost ones only
    for (j in last) if (j + 0 > t + 0 && last[j] <= last[t]) outer[t] = 1
  }
  for (t in outer) delete last[t]
  for (t in last) for (i = t + 0; i <= last[t]; ++i) in_loop[i] = 1
}

# The loop that does most of the multiplying of `counts`: its static figures, and its text to a file.
function main_loop(counts, file,   t, i, best, work, most, simd, muls) {
  for (t in last) {
    work = 0
    for (i = t + 0; i <= last[t]; ++i) work += mac[i] * counts[i]
    if (work > most) { most = work; best = t + 0 }
  }
  if (!best) return 0
  print ".Lloop:" >file
  for (i = best; i <= last[best]; ++i) {
    if (is_simd(op[i], arguments[i])) ++simd
    if (mac[i] > 0) ++muls
    text = arguments[i]
    if (i in target) sub(/[0-9a-f]+ <.*/, ".Lloop", text)
    sub(/ *\/\/.*/, "", text)
    print "\t" op[i] "\t" text >file
  }
  close(file)
  body = last[best] - best + 1
  share = 100 * muls / simd
  printf "%-9s %-10s main loop %4d instructions for %5d MAC: %.4f per MAC; %.0f%% of its SIMD arithmetic and loads multiply\n",
    backend, file ~ /gemm$/ ? "gemm" : "depthwise", body, loop_macs[best], body / loop_macs[best], share
  return body / loop_macs[best]
}

END {
  find_loops()
  gemm = main_loop(flat, loops ".gemm"); gemm_share = share
  main_loop(deep, loops ".depthwise")
  for (l = 1; l <= layers; ++l) {
    inner = 0
    for (i in in_loop) if ((l, i) in times) inner += times[l, i]
    c = class[l]
    split(c, part, " ")
    for (k = 1; k <= 2; ++k) {
      name = k == 1 ? c : part[1] " all"
      total[name] += executed[l] / run[l] * weight[l]
      loop[name] += inner / run[l] * weight[l]
      all[name] += weight[l]
    }
  }
  for (name in all) printf "%-9s %-32s executed %.4f per MAC, in multiplying loops %.4f\n", backend, name, total[name] / all[name], loop[name] / all[name] | "sort"
  close("sort")
  bad = 0
  if (backend == "dotprod" && gemm_share < 80 || backend == "i8mm" && gemm_share < 65) { print "MISSED: share of multiplications in the main loop"; bad = 1 }
  if (total["resnet50 all"] / all["resnet50 all"] > 1.5 * gemm) { print "MISSED: ResNet-50 takes more than 1.5 times its main loop"; bad = 1 }
  deepest = loop["mobilenet_v2_depthwise all"] / all["mobilenet_v2_depthwise all"]
  if (backend == "neon" && deepest > 0.40 || backend != "neon" && deepest > 0.30) { print "MISSED: depthwise 3x3"; bad = 1 }
  exit bad
}
