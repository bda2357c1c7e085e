/// The `repro` command as a process of its own, for what cannot be tested inside this one: kills, signals, limits of the system.
module Reproduction.Tests.ReproProcess

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Text
open Expecto
open Reproduction.Imaging
open Reproduction.Surfaces
open Reproduction.Tests.AwaitedProcess

/// The folder of the network that comes with the program, resnet18_cntk.
let packaged = Path.Combine(AppContext.BaseDirectory, "weights")

/// What watches a process's file operations from within (tests/Faults).
let private faults = Path.Combine(AppContext.BaseDirectory, "Faults.dll")

/// A folder with a small category of Surfaces, an output folder and a feature cache; it goes with the test.
type Sandbox() =
    let root = Directory.CreateTempSubdirectory("reproduction-sweep-").FullName
    let inRoot name = Path.Combine(root, name)

    do
        let write (path: string) image =
            let file = Path.Combine(root, "data", "woven", path)
            Directory.CreateDirectory(nonNull (Path.GetDirectoryName file)) |> ignore
            ImageFile.Write(file, image)

        let render split defect index =
            let struct (photograph, mask) = SurfacesDataset.Render("woven", split, defect, index, 0)
            write $"{split}/{defect}/{index:d3}.png" photograph
            Option.ofObj mask |> Option.iter (write $"ground_truth/{defect}/{index:d3}_mask.png")

        for index in 0..5 do
            render "train" "good" index

        for index in 0..1 do
            render "test" "good" index

        for defect in [ "hole"; "stain"; "thread" ] do
            render "test" defect 0

    member _.Root = root
    member _.Data = inRoot "data"
    member _.Run = inRoot "run"
    member _.Cache = inRoot "cache"

    /// Where the startup hook writes the operations.
    member _.Log = inRoot "log"

    member private this.Logs = Directory.GetFiles(root, "log.*")

    /// The operations so far: process, operation, path.
    member this.Operations = [|
        for file in this.Logs do
            // A process may be writing a line just now.
            use reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))

            for line in reader.ReadToEnd().Split('\n') do
                match line.Split(' ', 3) with
                | [| id; operation; path |] -> int id, operation, path
                | _ -> ()
    |]

    /// Forgets the records, the cache and the log.
    member this.Clear() =
        for folder in [ this.Run; this.Cache ] do
            if Directory.Exists folder then Directory.Delete(folder, true)

        for file in this.Logs do
            File.Delete file

    interface IDisposable with
        member _.Dispose() = Directory.Delete(root, true)

[<DllImport("libc", EntryPoint = "kill")>]
extern int private sendSignal(int id, int signal)

/// A running `repro`.
type Running(info: ProcessStartInfo) =
    let output, error = StringBuilder(), StringBuilder()
    let running = nonNull (Process.Start info)

    do
        running.OutputDataReceived.Add(fun line -> lock output (fun () -> output.AppendLine line.Data |> ignore))
        running.ErrorDataReceived.Add(fun line -> lock error (fun () -> error.AppendLine line.Data |> ignore))
        running.BeginOutputReadLine()
        running.BeginErrorReadLine()

    member _.Id = running.Id
    member _.HasExited = running.HasExited
    member _.Kill() = running.Kill()
    member _.Terminate() = sendSignal (running.Id, 15) |> ignore

    /// Waits for the end; a process that takes minutes is killed and the test fails.
    member _.Wait() =
        if not (running.WaitForExit(TimeSpan.FromMinutes 5.0)) then
            running.Kill true
            failtest $"repro did not end: {output} {error}"

        running.WaitForExit()
        { ExitCode = running.ExitCode; Output = output.ToString(); Error = error.ToString() }

    interface IDisposable with
        member _.Dispose() =
            if not running.HasExited then running.Kill true
            running.Dispose()

/// The exit code of a process that SIGKILL ended.
let killed = 128 + 9

/// Starts `repro` with the sandbox's cache, a checkpoint after every step, and tests/Faults looking on.
/// `limit` goes before the command in a shell, for example "ulimit -v 1000000".
let start (sandbox: Sandbox) (limit: string) (environment: (string * string) list) (arguments: string list) =
    let program = Path.Combine(AppContext.BaseDirectory, "repro.dll")
    let script = (if limit = "" then "" else limit + " && ") + "exec dotnet \"$@\""

    let info =
        ProcessStartInfo(
            "sh",
            List.concat [ [ "-c"; script; "sh"; program ]; arguments ],
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    for name, value in
        [
            "REPRO_CACHE", sandbox.Cache
            "REPRO_CHECKPOINT_SECONDS", "0"
            "OMP_WAIT_POLICY", "PASSIVE"
            "OMP_NUM_THREADS", "1"
            "DOTNET_STARTUP_HOOKS", faults
            "FAULTS_UNDER", sandbox.Root
            "FAULTS_LOG", sandbox.Log
        ]
        @ environment do
        info.Environment[name] <- value

    new Running(info)

/// The arguments of `repro run` for the sandbox's category.
let runArguments (sandbox: Sandbox) paper variants = [
    "run"
    "--paper"
    paper
    "--variant"
    variants
    "--data"
    sandbox.Data
    "--weights"
    packaged
    "--profile"
    "smoke"
    "--out"
    sandbox.Run
]

/// Runs `repro run` to its end.
let run sandbox paper variants =
    use running = start sandbox "" [] (runArguments sandbox paper variants)
    running.Wait()

let private command program arguments = (call [] "/" program arguments).ExitCode

/// Runs `work` while a file system of its own is at a folder, where that can be had.
let withFileSystem folder options work =
    Directory.CreateDirectory folder |> ignore

    if Environment.UserName <> "root" || command "mount" [ "-t"; "tmpfs"; "-o"; options; "tmpfs"; folder ] <> 0 then
        skiptest "a file system can be mounted by root only"

    try
        work ()
    finally
        command "umount" [ "-l"; folder ] |> ignore
