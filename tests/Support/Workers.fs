/// The suite over several processes: libtorch's state is a process's own, so tests that need it to themselves run side by side only there.
/// One process hands out the top-level lists; each worker, `Tests.dll --lists`, runs one at a time in order and tells how it ended.
module Reproduction.Tests.Workers

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.Text.Json
open System.Threading

/// The argument that makes the test program a worker.
[<Literal>]
let Argument = "--lists"

/// How a list of tests ended: the reasons of those that were skipped, and its slow tests with their seconds.
type Ended = { Passed: int; Failed: int; Skipped: string list; Slow: (string * float) list }

/// A line that begins thus is a worker's answer; all others are for people.
[<Literal>]
let private Answer = "\u001e"

/// A worker: runs the lists that it is told on standard input, until that ends.
let work (run: string -> Ended) =
    let rec next () =
        match Console.In.ReadLine() with
        | null -> ()
        | list ->
            let ended = JsonSerializer.Serialize(run list)
            Console.Out.WriteLine() // Expecto leaves a colour's end without the line's
            Console.Out.WriteLine(Answer + ended)
            Console.Out.Flush()
            next ()

    next ()

/// As many workers as there are cores, up to four, each with 6 GB of memory at least.
let count =
    let memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes
    [ Environment.ProcessorCount; 4; int (memory / 6_000_000_000L) ] |> List.min |> max 1

let private start () =
    let threads = max 1 (Environment.ProcessorCount / count)

    let start =
        ProcessStartInfo(
            nonNull Environment.ProcessPath,
            [ typeof<Ended>.Assembly.Location; Argument ],
            RedirectStandardInput = true,
            RedirectStandardOutput = true
        )

    if isNull (Environment.GetEnvironmentVariable "OMP_NUM_THREADS") then
        start.Environment["OMP_NUM_THREADS"] <- string threads

    nonNull (Process.Start start)

/// Runs the lists on workers and prints what each has to say when it is done. A list that ends its worker has failed, and it alone.
let run (lists: string seq) =
    let waiting, ended = ConcurrentQueue lists, ConcurrentBag<Ended>()
    let printing = obj ()

    let tell (list: string) (lines: string seq) (timer: Stopwatch) result =
        ended.Add result

        lock printing (fun () ->
            let skipped = if result.Skipped.IsEmpty then "" else $", {result.Skipped.Length} skipped"
            Console.WriteLine $"%6.1f{timer.Elapsed.TotalSeconds} s  {list}: {result.Passed} passed, {result.Failed} failed{skipped}"
            if result.Failed > 0 then lines |> Seq.iter Console.WriteLine)

    let rec listen (worker: Process) (lines: ResizeArray<string>) =
        match worker.StandardOutput.ReadLine() with
        | null -> None
        | line when line.StartsWith(Answer, StringComparison.Ordinal) ->
            Some(nonNull (JsonSerializer.Deserialize<Ended> line[Answer.Length ..]))
        | line ->
            lines.Add line
            listen worker lines

    let rec serve (worker: Process) =
        match waiting.TryDequeue() with
        | false, _ ->
            worker.StandardInput.Close()
            worker.WaitForExit()
            worker.Dispose()
        | true, list ->
            let timer, lines = Stopwatch.StartNew(), ResizeArray()
            worker.StandardInput.WriteLine list
            worker.StandardInput.Flush()

            match listen worker lines with
            | Some result ->
                tell list lines timer result
                serve worker
            | None ->
                worker.WaitForExit()
                lines.Add $"the process that ran '{list}' ended with exit code {worker.ExitCode}"
                tell list lines timer { Passed = 0; Failed = 1; Skipped = []; Slow = [] }
                worker.Dispose()
                serve (start ())

    let threads = [ for _ in 1..count -> Thread(fun () -> serve (start ())) ]

    for thread in threads do
        thread.Start()

    for thread in threads do
        thread.Join()

    {
        Passed = ended |> Seq.sumBy _.Passed
        Failed = ended |> Seq.sumBy _.Failed
        Skipped = ended |> Seq.collect _.Skipped |> List.ofSeq
        Slow = ended |> Seq.collect _.Slow |> List.ofSeq
    }
