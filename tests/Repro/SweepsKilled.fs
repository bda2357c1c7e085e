/// Sweeps that are killed at seeded moments, and sweeps that several processes share. A few moments here; scripts/kill-test.sh takes 200.
module Reproduction.Tests.SweepsKilled

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open System.Threading
open Expecto
open TorchSharp
open Reproduction
open Repro.Records
open Repro.Sweeps
open Reproduction.Backbones
open Reproduction.Data
open Reproduction.Formats
open Reproduction.Methods
open Reproduction.Tests.ReproProcess

/// What the script asks for: the number of moments, and the file for the figures.
let private momentsVariable, reportVariable = "KILL_MOMENTS", "KILL_REPORT"

/// Cells of one paper that a sweep runs.
type private Study = { Paper: string; Variants: string }

/// Small, with training steps enough for several checkpoints.
let private studies = [
    ({ Paper = "hfae"; Variants = "resnet18_cntk+epochs=3" }: Study)
    { Paper = "favae"; Variants = "vanilla+width=0.125,resnet18_cntk+width=0.125" }
    { Paper = "dfr"; Variants = "resnet18_cntk+image_size=128" }
    { Paper = "ssae"; Variants = "objective1,ensemble" }
    { Paper = "gaussian"; Variants = "resnet18_cntk-mahalanobis,resnet18_cntk-pca95" }
]

/// Where a process is killed: at a file operation of one of the stages, or at any time.
type private Moment =
    | AtOperation of stage: string * path: string * number: int
    | AtTime of TimeSpan

/// A stage is known by the files that it reads or writes.
let private stages = [
    "fit", "/train/"
    "score", "/test/"
    "metrics", "/ground_truth/"
    "cache write", "/cache/"
    "checkpoint write", "/checkpoints/"
    "record write", "/runs/"
]

let private anyTime = "any time"

/// What a sweep is to give however often it is killed.
type private Undisturbed = {
    Records: Map<string, string>
    Scores: Map<string, string>
    Cache: Map<string, byte[]>
    Operations: Map<string, int>
    Duration: TimeSpan
}

/// What the kills of a study came to: moments by stage, sweeps that they interrupted, and how often a fit went on from a checkpoint.
type KillFigures = {
    Paper: string
    Variants: string
    Cells: int
    Moments: int
    Sweeps: int
    Resumed: int
    Stages: IReadOnlyDictionary<string, int>
}

let private records (sandbox: Sandbox) =
    let folder = RunRecord.Folder sandbox.Run
    if Directory.Exists folder then [ for file in Directory.GetFiles(folder, "*.json") -> RunRecord.Read file ] else []

/// Everything of a record that must not depend on interruptions.
let private essence (record: RunRecord) =
    JsonSerializer.Serialize(
        {|
            Settings = record.Settings
            Weights = record.Weights
            Data = record.DataFingerprint
            Metrics = record.Metrics
            Undefined = record.Undefined
            Fit = record.Fit
            Counts = record.Counts
        |}
    )

let private scoresOf (sandbox: Sandbox) (record: RunRecord) = File.ReadAllText(RunRecord.ScoresPathOf(sandbox.Run, record.Cell))

let private files folder pattern =
    if Directory.Exists folder then Directory.GetFiles(folder, pattern, SearchOption.AllDirectories) else [||]

let private cacheOf (sandbox: Sandbox) =
    Map [ for file in files sandbox.Cache "*.safetensors" -> Path.GetRelativePath(sandbox.Cache, file), File.ReadAllBytes file ]

let private undisturbed (sandbox: Sandbox) threads (study: Study) =
    let timer = Diagnostics.Stopwatch.StartNew()
    use running = start sandbox "" [ "OMP_NUM_THREADS", threads ] (runArguments sandbox study.Paper study.Variants)
    let ended = running.Wait()
    Expect.equal ended.ExitCode 0 ended.Error
    let operations = sandbox.Operations

    let result = {
        Records = Map [ for record in records sandbox -> record.Cell, essence record ]
        Scores = Map [ for record in records sandbox -> record.Cell, scoresOf sandbox record ]
        Cache = cacheOf sandbox
        Operations =
            Map [
                for stage, path in stages do
                    let count = operations |> Array.filter (fun (_, _, file) -> file.Contains path) |> Array.length
                    if count > 0 then stage, count
            ]
        Duration = timer.Elapsed
    }

    sandbox.Clear()
    result

/// After a kill nothing that can be seen under its own name may be broken or differ from what an undisturbed sweep writes.
let private expectSound (sandbox: Sandbox) (expected: Undisturbed) moment =
    for record in records sandbox do
        Expect.equal (essence record) expected.Records[record.Cell] $"a record after {moment}"
        Expect.equal (scoresOf sandbox record) expected.Scores[record.Cell] $"the scores beside a record after {moment}"

    for KeyValue(file, bytes) in cacheOf sandbox do
        Expect.isTrue (bytes.AsSpan().SequenceEqual(expected.Cache[file])) $"the cache entry {file} after {moment}"

    for file in files (Path.Combine(sandbox.Run, "checkpoints")) "*.safetensors" do
        use _scope = torch.NewDisposeScope()
        SafeTensors.Read file |> ignore

/// At the end the sweep is complete, each record was written once, and nothing is left over.
let private expectComplete (sandbox: Sandbox) (expected: Undisturbed) =
    Expect.equal
        (Map [ for record in records sandbox -> record.Cell, essence record ])
        expected.Records
        "the records are those of an undisturbed sweep"

    Expect.equal
        (Map [ for record in records sandbox -> record.Cell, scoresOf sandbox record ])
        expected.Scores
        "the scores are those of an undisturbed sweep"

    Expect.equal (cacheOf sandbox |> Map.keys |> set) (expected.Cache |> Map.keys |> set) "the cache holds what an undisturbed sweep leaves"
    let written = sandbox.Operations |> Array.countBy (fun (_, operation, path) -> operation, path) |> Map

    for cell in expected.Records.Keys do
        Expect.equal (Map.tryFind ("rename", RunRecord.PathOf(sandbox.Run, cell)) written) (Some 1) $"the record of {cell} is written once"

    for pattern in [ "*.tmp"; "*.lease" ] do
        Expect.isEmpty (files sandbox.Run pattern) "nothing is left over"

    Expect.isEmpty (files (Path.Combine(sandbox.Run, "checkpoints")) "*") "no checkpoint is left over"

/// Kills sweeps of a study until the number of moments is reached.
let private kill (sandbox: Sandbox) (random: SplitMix64) threads (study: Study) moments =
    let expected = undisturbed sandbox threads study
    let tally = Dictionary<string, int>()
    let mutable taken, rounds, resumed = 0, 0, 0

    let choose () =
        let kinds = [ yield! expected.Operations.Keys; anyTime ]

        match kinds[random.NextInt kinds.Length] with
        | stage when stage = anyTime -> AtTime(expected.Duration * random.NextDouble())
        | stage -> AtOperation(stage, snd (List.find (fst >> (=) stage) stages), 1 + random.NextInt expected.Operations[stage])

    /// Returns whether the moment came before the sweep was complete.
    let live moment =
        let environment =
            match moment with
            | Some(AtOperation(_, path, number)) -> [ "FAULTS_KILL", path; "FAULTS_KILL_AT", string number ]
            | _ -> []

        use running = start sandbox "" ([ "OMP_NUM_THREADS", threads ] @ environment) (runArguments sandbox study.Paper study.Variants)

        match moment with
        | Some(AtTime time) ->
            Thread.Sleep time
            running.Kill()
        | _ -> ()

        let ended = running.Wait()
        if ended.ExitCode <> killed then Expect.equal ended.ExitCode 0 ended.Error
        ended.ExitCode = killed

    while taken < moments do
        rounds <- rounds + 1
        let mutable isComplete = false

        while not isComplete do
            let moment = if taken < moments then Some(choose ()) else None

            if live moment then
                taken <- taken + 1
                expectSound sandbox expected moment

                let stage =
                    match moment with
                    | Some(AtOperation(stage, _, _)) -> stage
                    | _ -> anyTime

                tally[stage] <- (if tally.ContainsKey stage then tally[stage] else 0) + 1
            else
                isComplete <- true

        expectComplete sandbox expected
        resumed <- resumed + (records sandbox |> List.sumBy (fun record -> record.Resumed))
        sandbox.Clear()

    {
        Paper = study.Paper
        Variants = study.Variants
        Cells = expected.Records.Count
        Moments = taken
        Sweeps = rounds
        Resumed = resumed
        Stages = tally
    }

[<Tests>]
let tests =
    testSequenced
    <| testList "sweeps killed" [
        testCase "whenever a sweep is killed, nothing is corrupt and the same command ends with the same records"
        <| fun () ->
            use sandbox = new Sandbox()
            let random = SplitMix64 11UL

            match Environment.GetEnvironmentVariable momentsVariable with
            | null ->
                let figures = kill sandbox random "1" studies.Head 10
                Expect.equal figures.Moments 10 "moments"
            | count ->
                let share = (int count + studies.Length - 1) / studies.Length
                let timer = Diagnostics.Stopwatch.StartNew()
                let threads = torch.get_num_threads ()

                let write (figures: KillFigures list) =
                    match Environment.GetEnvironmentVariable reportVariable with
                    | null -> ()
                    | report ->
                        let text = {|
                            What =
                                "Sweeps of smoke cells, killed with SIGKILL at seeded moments: no corrupt record, cache entry or "
                                + "checkpoint after any; every sweep ended with the records, scores and cache of an undisturbed "
                                + "one, bit for bit."
                            Seed = 11
                            Threads = threads
                            Libtorch = Machine.LibtorchVersion
                            Processor = Machine.Processor
                            Commit = Machine.Commit
                            Moments = figures |> List.sumBy _.Moments
                            Seconds = Math.Round timer.Elapsed.TotalSeconds
                            Studies = figures
                        |}

                        AtomicFile.WriteText(report, JsonSerializer.Serialize(text, SnakeCaseJson.Options) + "\n")

                // Written after each study: hours on a busy machine are not lost with the last one.
                ([], studies)
                ||> List.fold (fun figures study ->
                    let figures = figures @ [ kill sandbox random (string threads) study share ]
                    write figures
                    figures)
                |> ignore
    ]
