import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../../src/base/random.ts";
import { freePort } from "../everywhere/project.ts";
import { findOrInstall } from "../support/debian.ts";
import { command, killStartedWith } from "./command.ts";
import { chooseMoments, type Moment, waitFor } from "./killing.ts";
import { EXAMPLES, PARTS, type Run } from "./run.ts";

/** How many tasks run at a time, however many cores there are. */
const CPUS = 4;

/** A Slurm of one node, with all its files in a temporary folder. It is run by root, without systemd and cgroups. */
export class Slurm {
  private readonly folder = mkdtempSync(join(tmpdir(), "latentflow-slurm-"));
  private readonly configuration = join(this.folder, "slurm.conf");
  private readonly daemons: ChildProcess[] = [];
  private readonly environment = { ...process.env, SLURM_CONF: this.configuration };

  /** Starts the daemons; whoever gets it stops it. @throws Error with their logs, where the node does not come up */
  static async start(): Promise<Slurm> {
    if (process.getuid?.() !== 0) throw new Error("Slurm's daemons are started as root; run this as root");
    const [munged, slurmctld, slurmd] = [
      findOrInstall("munge", () => find("munged")),
      findOrInstall("slurm-wlm", () => find("slurmctld")),
      findOrInstall("slurm-wlm", () => find("slurmd")),
    ];
    const slurm = new Slurm();
    try {
      await slurm.configure();
      const socket = join(slurm.folder, "munge.socket");
      slurm.daemon(munged, [
        ...["--foreground", "--force", `--key-file=${join(slurm.folder, "munge.key")}`],
        ...[`--socket=${socket}`, `--pid-file=${join(slurm.folder, "munged.pid")}`],
        ...[`--seed-file=${join(slurm.folder, "munged.seed")}`, "--num-threads=2"],
      ]);
      await slurm.until("munged's socket", async () => existsSync(socket));
      slurm.daemon(slurmctld, ["-D"]);
      slurm.daemon(slurmd, ["-D", "-N", "node"]);
      await slurm.until("the node", async () => {
        const state = await slurm.command("sinfo", ["--noheader", "--format=%t"]).catch(() => "");
        return state === "idle";
      });
    } catch (error) {
      await slurm.stop();
      throw error;
    }
    return slurm;
  }

  private async configure(): Promise<void> {
    const { folder, configuration } = this;
    for (const name of ["state", "spool"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "munge.key"), randomBytes(128), { mode: 0o600 });
    writeFileSync(join(folder, "cgroup.conf"), "CgroupPlugin=disabled\n");
    const [name] = hostname().split(".");
    const settings = [
      ...["ClusterName=test", `SlurmctldHost=${name}(127.0.0.1)`, "SlurmUser=root", "SlurmdUser=root"],
      // A requeued job waits until its credential has expired: 5 s is the least.
      ...["AuthType=auth/munge", `AuthInfo=socket=${join(folder, "munge.socket")},cred_expire=5`],
      ...[`SlurmctldPort=${await freePort()}`, `SlurmdPort=${await freePort()}`],
      ...[`StateSaveLocation=${join(folder, "state")}`, `SlurmdSpoolDir=${join(folder, "spool")}`],
      ...[`SlurmctldPidFile=${join(folder, "slurmctld.pid")}`, `SlurmdPidFile=${join(folder, "slurmd.pid")}`],
      ...[
        "ProctrackType=proctrack/linuxproc",
        "TaskPlugin=task/none",
        "JobAcctGatherType=jobacct_gather/none",
      ],
      ...["SelectType=select/cons_tres", "SelectTypeParameters=CR_CPU", "MpiDefault=none"],
      ...["SchedulerParameters=sched_interval=1,bf_interval=1", "ReturnToService=2"],
      // More cores and memory than there are.
      "SlurmdParameters=config_overrides",
      `NodeName=node NodeHostname=${name} NodeAddr=127.0.0.1 CPUs=${CPUS} RealMemory=65536 State=UNKNOWN`,
      "PartitionName=all Nodes=ALL Default=YES State=UP",
    ];
    writeFileSync(configuration, `${settings.join("\n")}\n`);
  }

  private daemon(program: string, args: readonly string[]): void {
    const log = openSync(join(this.folder, "daemons.log"), "a");
    const options = { env: this.environment, cwd: this.folder };
    this.daemons.push(spawn(program, args, { ...options, stdio: ["ignore", log, log] }));
    closeSync(log);
  }

  private async until(what: string, isThere: () => Promise<boolean>): Promise<void> {
    for (const end = performance.now() + 30_000; !(await isThere()); await delay(100)) {
      if (performance.now() < end) continue;
      const log = readFileSync(join(this.folder, "daemons.log"), "utf8");
      throw new Error(`${what} did not come within 30 s\n${log}`);
    }
  }

  /** Runs one of Slurm's commands. */
  command(program: string, args: readonly string[], run?: Run, signal?: AbortSignal): Promise<string> {
    return command(program, args, {
      env: { ...run?.environment, ...this.environment, ...(run && { PATH: run.environment.PATH }) },
      ...(run && { cwd: run.folder }),
      ...(signal && { signal }),
    });
  }

  /** Ends the daemons and all that they have started, and removes their files. */
  async stop(): Promise<void> {
    // Again and again: what is being killed may have started others just now.
    for (let i = 0; i < 50 && this.killAll() > 0; i++) await delay(100);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Kills what there is at the moment. @returns how many processes there were */
  killAll(): number {
    for (const daemon of this.daemons) daemon.kill("SIGKILL");
    // slurmstepd writes its name over its environment, but stays in the folder that slurmd was started in.
    return killStartedWith(`SLURM_CONF=${this.configuration}`, this.folder);
  }
}

/** A program on the PATH, or where daemons are. */
export function find(program: string): string | undefined {
  return [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"]
    .map((folder) => join(folder, program))
    .find((file) => existsSync(file));
}

/**
 * Encodes by slurm.sh, and merges by a job that depends on it. Half of the tasks are killed: in one round of two their
 * program alone, upon which slurm.sh requeues them; in the others the whole task, which is requeued by hand.
 *
 * @returns what was killed, in words
 */
export async function bySlurm(slurm: Slurm, run: Run, random: Random, signal: AbortSignal): Promise<string> {
  const submission = ["--parsable", `--array=0-${PARTS - 1}`, join(EXAMPLES, "slurm.sh")];
  const job = await slurm.command("sbatch", submission, run, signal);
  const isAlone = random.below(2) === 0;
  // As the script's first lines say it.
  const early = isAlone ? merge() : undefined;
  early?.catch(() => {});
  const kills = await Promise.all(chooseMoments(random).map(isAlone ? killProgram : killTask));
  if (early) await early;
  else {
    // A task that is killed as a whole has ended until it is requeued: the merging job would not wait for it.
    const isEnding = () => slurm.command("squeue", ["--noheader", "--states=COMPLETING"], run, signal);
    while ((await isEnding()) !== "") await delay(100, undefined, { signal });
    await merge();
  }
  const killed = kills.filter((part) => part !== undefined);
  for (const part of killed) {
    if (run.processesOf(part).length < 2) throw new Error(`task ${part} was killed and did not start again`);
  }
  return `${PARTS} tasks, ${killed.length} killed${isAlone ? "" : " as a whole"}`;

  async function merge(): Promise<void> {
    const options = ["--parsable", `--dependency=afterany:${job}`, "--output=merge.log"];
    const merging = await slurm.command(
      "sbatch",
      [...options, `--wrap=latentflow merge ${run.out}`],
      run,
      signal,
    );
    const query = [`--jobs=${merging}`, "--states=all", "--noheader", "--format=%T"];
    for (;;) {
      const state = await slurm.command("squeue", query, run, signal);
      if (state === "COMPLETED") return;
      if (!["PENDING", "RUNNING", "COMPLETING"].includes(state)) {
        throw new Error(`the merging job is ${state}\n${logs(run)}`);
      }
      await delay(200, undefined, { signal });
    }
  }

  async function killProgram(moment: Moment): Promise<number | undefined> {
    const pid = await waitFor(moment, run, signal);
    if (pid === undefined) return undefined;
    process.kill(pid, "SIGKILL");
    return moment.part;
  }

  async function killTask(moment: Moment): Promise<number | undefined> {
    const pid = await waitFor(moment, run, signal);
    if (pid === undefined) return undefined;
    // First the script, which else would requeue itself. By scancel its processes would get SIGTERM first.
    process.kill(parentOf(pid), "SIGKILL");
    process.kill(pid, "SIGKILL");
    const task = `${job}_${moment.part}`;
    const requeue = () =>
      slurm.command("scontrol", ["requeue", task], run, signal).then(
        () => true,
        () => false,
      );
    // While it is ending it cannot be requeued.
    while (!(await requeue())) await delay(100, undefined, { signal });
    return moment.part;
  }
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
}

/** What the jobs have printed last. */
function logs({ folder }: Run): string {
  const names = readdirSync(folder).filter((name) => /^slurm-.*\.out$|^merge\.log$/.test(name));
  const lastLine = (name: string) => readFileSync(join(folder, name), "utf8").trimEnd().split("\n").at(-1);
  return names.map((name) => `${name}: ${lastLine(name)}`).join("\n");
}
