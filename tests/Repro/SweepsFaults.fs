/// What goes wrong around a sweep: each fault is told in one line, the other cells go on, and the same command does what is missing.
module Reproduction.Tests.SweepsFaults

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Threading
open Expecto
open TorchSharp
open Reproduction
open Repro
open Repro.Records
open Repro.Sweeps
open Reproduction.Backbones
open Reproduction.Data
open Reproduction.Formats
open Reproduction.Methods
open Reproduction.Papers
open Reproduction.Tests.Bench
open Reproduction.Tests.InMemory
open Reproduction.Tests.ReproProcess

let private tiny = "vanilla+width=0.0625+images_per_epoch=16+batch_size=8"

let private recordsIn (sandbox: Sandbox) =
    if Directory.Exists(RunRecord.Folder sandbox.Run) then
        Directory.GetFiles(RunRecord.Folder sandbox.Run, "*.json").Length
    else
        0

/// What happens when a cell ends.
type private AtEnd(act: CellResult -> unit) =
    member val Results = List<CellResult>()
    member val Warnings = List<string>()

    interface ISweepObserver with
        member _.Begin(_, _, _) = ()
        member _.Advance(_, _, _, _) = ()
        member this.Warn text = this.Warnings.Add text

        member this.End(result, _) =
            this.Results.Add result
            act result

/// A sweep of favae's cells in this process, with weights from a folder.
let private sweep (sandbox: Sandbox) weights variants categories observer =
    let dataset = Datasets.Open sandbox.Data
    use backbones = new BackboneProvider(weights, torch.CPU)
    let cache = FeatureCache(sandbox.Cache, 1L <<< 30)
    let resources = Resources(Backbones = backbones, Features = cache, Device = torch.CPU)
    let cells = Cell.Span(Registry.Find "favae", variants, dataset.Name, categories, [ 0 ], Profile.Smoke)
    Sweep(sandbox.Run, dataset, CellRunner(sandbox.Run, resources, cache, 0), cache).Run(cells, false, observer, CancellationToken.None)

let private outcomes (results: CellResult seq) = [ for result in results -> result.Outcome ]

let private failureOf (result: CellResult) =
    match result.Failure with
    | null -> failtest $"{result.Cell.Id} did not fail"
    | failure -> failure.Message

[<Tests>]
let tests =
    testSequenced
    <| testList "sweeps faults" [
        testCase "a full disk: each cell says so, nothing half is left, and with space the same command goes on"
        <| fun () ->
            use sandbox = new Sandbox()

            withFileSystem sandbox.Run "size=128k" (fun () ->
                let filler = Path.Combine(sandbox.Run, "filler")

                let fill () =
                    use file = File.Create filler
                    let block = Array.zeroCreate<byte> 4096

                    try
                        while true do
                            file.Write(block, 0, block.Length)
                            file.Flush()
                    with :? IOException ->
                        ()

                fill ()
                let arguments = runArguments sandbox "favae" (tiny + "," + tiny + "+latent=4")
                let code, _, error = repro arguments
                Expect.equal code 1 "exit code"

                for words in
                    [
                        "2 of 2 cells failed"
                        "the same command runs just these again"
                        "favae." + tiny
                        "cannot write"
                        "No space left on device"
                        "Free some space"
                    ] do
                    Expect.stringContains error words "the summary"

                Expect.isEmpty (Directory.GetFiles(sandbox.Run, "*.json", SearchOption.AllDirectories)) "no record"
                Expect.isEmpty (Directory.GetFiles(sandbox.Run, "*.tmp", SearchOption.AllDirectories)) "no half a file"
                File.Delete filler
                let code, _, error = repro arguments
                Expect.equal (code, error) (0, "") "with space"
                Expect.equal (recordsIn sandbox) 2 "records")

        testCase "a full disk under the feature cache: the cells go on without it and say so"
        <| fun () ->
            use sandbox = new Sandbox()

            withFileSystem sandbox.Cache "size=16k" (fun () ->
                use running = start sandbox "" [] (runArguments sandbox "gaussian" "resnet18_cntk-mahalanobis")
                let ended = running.Wait()
                Expect.equal ended.ExitCode 0 ended.Error
                Expect.stringContains ended.Output "features are not kept" "it is told"
                Expect.equal (recordsIn sandbox) 5 "records")

        testCase "a read-only output folder: told before anything is computed"
        <| fun () ->
            use sandbox = new Sandbox()

            withFileSystem sandbox.Run "size=64k,ro" (fun () ->
                let timer = Stopwatch.StartNew()
                let code, _, error = repro (runArguments sandbox "favae" (tiny + "," + tiny + "+latent=4"))
                Expect.equal code 1 "exit code"

                for words in [ "2 of 2 cells failed"; "cannot write in"; sandbox.Run; "--out" ] do
                    Expect.stringContains error words "the summary"

                Expect.isLessThan timer.Elapsed.TotalSeconds 5.0 "nothing is computed")

        testCase "weights that change between cells: cells that need them fail, the others go on, the next sweep takes the new ones"
        <| fun () ->
            use sandbox = new Sandbox()
            use weights = new RandomResources([ "vgg19_16x" ])
            let file = Path.Combine(weights.Folder, "vgg19_16x.safetensors")

            let replace seed =
                use _scope = torch.NewDisposeScope()
                use backbone = Backbone.Random("vgg19_16x", seed)
                SafeTensors.Write(file, backbone.StateDict false)

            let overTiny = "vgg16+network=vgg19_16x"
            let small = "+width=0.0625+images_per_epoch=16+batch_size=8"
            let variants = [ overTiny + small; overTiny + "+latent=4" + small; tiny ]
            let observer = AtEnd(fun result -> if result.Cell.Variant = variants[0] then replace 8)
            let results = sweep sandbox weights.Folder variants [ "woven" ] observer
            Expect.equal (outcomes results) [ CellOutcome.Finished; CellOutcome.Failed; CellOutcome.Finished ] "outcomes"
            Expect.stringContains (failureOf results[1]) $"{file}: the file is no longer the one that was loaded" "which file"
            let results = sweep sandbox weights.Folder variants [ "woven" ] (AtEnd ignore)

            Expect.equal
                (outcomes results)
                [ CellOutcome.AlreadyDone; CellOutcome.Finished; CellOutcome.AlreadyDone ]
                "just what is missing"

            Expect.isTrue
                (results[0].Outdated |> Seq.exists _.StartsWith("the weights vgg19_16x have sha256"))
                "the first cell is of the old weights"

            Expect.isEmpty results[2].Outdated "a cell without weights"

        testCase "a data folder that vanishes: its cells fail, the others go on, and when it is back just these run"
        <| fun () ->
            use sandbox = new Sandbox()
            let folder, away = Path.Combine(sandbox.Data, "woven"), Path.Combine(sandbox.Root, "away")
            let other = Path.Combine(sandbox.Data, "second")

            for file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories) do
                let copy = Path.Combine(other, Path.GetRelativePath(folder, file))
                Directory.CreateDirectory(nonNull (Path.GetDirectoryName copy)) |> ignore
                File.Copy(file, copy)

            let variants = [ tiny; tiny + "+latent=4" ]
            let observer = AtEnd(fun _ -> if Directory.Exists folder then Directory.Move(folder, away))
            let run observer = sweep sandbox (nonNull (Path.GetDirectoryName folder)) variants [ "woven"; "second" ] observer
            let results = run observer

            Expect.equal
                (outcomes results)
                [ CellOutcome.Finished; CellOutcome.Failed; CellOutcome.Finished; CellOutcome.Finished ]
                "outcomes"

            Expect.stringContains (failureOf results[1]) folder "which folder"
            Directory.Move(away, folder)

            Expect.equal
                (outcomes (run (AtEnd ignore)))
                [ CellOutcome.AlreadyDone; CellOutcome.Finished; CellOutcome.AlreadyDone; CellOutcome.AlreadyDone ]
                "just what is missing"

        testCase "a lease left beside a record: tidied up, with or without a folder of checkpoints"
        <| fun () ->
            use sandbox = new Sandbox()
            let run () = sweep sandbox sandbox.Data [ tiny ] [ "woven" ] (AtEnd ignore)
            let cell = (Seq.head (run ())).Cell.Id
            let lease, checkpoint = Lease.PathOf(sandbox.Run, cell), Checkpoints.PathOf(sandbox.Run, cell)
            let folder = nonNull (Path.GetDirectoryName checkpoint)
            if Directory.Exists folder then Directory.Delete(folder, true)
            File.WriteAllText(lease, "")
            Expect.equal (outcomes (run ())) [ CellOutcome.AlreadyDone ] "without the folder"
            Expect.isFalse (File.Exists lease) "the lease is gone"
            Directory.CreateDirectory folder |> ignore

            for file in [ lease; checkpoint ] do
                File.WriteAllText(file, "")

            Expect.equal (outcomes (run ())) [ CellOutcome.AlreadyDone ] "with a checkpoint"

            for file in [ lease; checkpoint ] do
                Expect.isFalse (File.Exists file) $"{file} is gone"

        testCase "out of memory is told in words, with the way out"
        <| fun () ->
            // More than an address space holds, so that no machine begins to fill it; no setting of a paper can ask for so much.
            let failure =
                try
                    torch.empty([| 1L <<< 50 |]).Dispose()
                    failtest "the memory was there"
                with failure ->
                    failure

            let told = CommandLine.Describe failure

            for words in [ "out of memory"; "take smaller images or batches" ] do
                Expect.stringContains told words "the line"

            Expect.isFalse (told.Contains "   at ") "no stack trace"
            Expect.isFalse (told.Contains '\n') "one line"

        testCase "SIGTERM: a checkpoint, a clear line, exit code 1, and the same command goes on from there"
        <| fun () ->
            use sandbox = new Sandbox()
            let arguments = runArguments sandbox "hfae" "resnet18_cntk+epochs=20"
            use first = start sandbox "" [] arguments

            while not first.HasExited
                  && not (
                      sandbox.Operations |> Array.exists (fun (_, operation, path) -> operation = "rename" && path.Contains "checkpoints")
                  ) do
                Thread.Sleep 10

            first.Terminate()
            let ended = first.Wait()
            Expect.equal ended.ExitCode 1 "exit code"

            Expect.stringContains
                ended.Error
                "stopped by SIGTERM: 0 of 1 cells are done and kept; the same command goes on from there"
                "the line"

            Expect.equal (Directory.GetFiles(Path.Combine(sandbox.Run, "checkpoints"), "*.safetensors").Length) 1 "the checkpoint"
            Expect.equal (run sandbox "hfae" "resnet18_cntk+epochs=20").ExitCode 0 "again"
            let record = RunRecord.Read(Directory.GetFiles(RunRecord.Folder sandbox.Run, "*.json")[0])
            Expect.equal record.Resumed 1 "the record tells"

        testCase "four processes with clocks years apart share a sweep and one is killed: each cell is done once"
        <| fun () ->
            use sandbox = new Sandbox()
            let seeds = 12
            let arguments = runArguments sandbox "favae" "vanilla+width=0.125" @ [ "--seed"; String.Join(',', seq { 0 .. seeds - 1 }) ]
            let year = 365 * 24 * 3600

            let processes = [
                for number in 0..3 ->
                    let kill = if number = 0 then [ "FAULTS_KILL", "/checkpoints/"; "FAULTS_KILL_AT", "9" ] else []
                    start sandbox "" ([ "FAULTS_CLOCK", string ((number - 1) * year) ] @ kill) arguments
            ]

            let ends = [ for running in processes -> running.Id, running.Wait() ]

            for running in processes do
                (running :> IDisposable).Dispose()

            for index, (_, ended) in List.indexed ends do
                Expect.equal ended.ExitCode (if index = 0 then killed else 0) ended.Error

            let written = [
                for id, operation, path in sandbox.Operations do
                    if operation = "rename" && path.StartsWith(RunRecord.Folder sandbox.Run) && path.EndsWith ".json" then id, path
            ]

            Expect.equal (List.length written) seeds "records written"
            Expect.equal (written |> List.distinctBy snd |> List.length) seeds "each once"

            for id, _ in List.tail ends do
                Expect.isTrue (written |> List.exists (fun (writer, _) -> writer = id)) "each of the processes that lived did some"

            Expect.isEmpty (Directory.GetFiles(RunRecord.Folder sandbox.Run, "*.lease")) "no lease is left"
    ]
