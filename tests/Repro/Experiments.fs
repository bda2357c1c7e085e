/// Cells, settings, records, cache, checkpoints, and sweeps that go on after an interruption.
module Reproduction.Tests.Experiments

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Reproduction
open Repro.Records
open Repro.Sweeps
open Reproduction.Backbones
open Reproduction.Data
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Papers
open Reproduction.Papers.Favae
open Reproduction.Tests.InMemory

/// A folder that goes with the test.
type private Folder() =
    let path = Directory.CreateTempSubdirectory("reproduction-test-").FullName
    member _.Path = path
    member _.File([<ParamArray>] parts: string[]) = Path.Combine(Array.append [| path |] parts)

    interface IDisposable with
        member _.Dispose() = Directory.Delete(path, true)

/// One category of small images with a bright square as the defect.
let private writeCategory (root: string) =
    let random = SplitMix64 1UL

    let image defect =
        let image = Image(32, 32, 3)

        for i in 0 .. image.Pixels.Length - 1 do
            image.Pixels[i] <- byte (90.0 + 40.0 * random.NextDouble())

        if defect then
            for y in 8..15 do
                for x in 8..15 do
                    for c in 0..2 do
                        image[x, y, c] <- 255uy

        image

    let write (parts: string list) (image: Image) =
        let path = Path.Combine(Array.ofList (root :: "widget" :: parts))
        Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
        ImageFile.Write(path, image)

    for i in 0..11 do
        write [ "train"; "good"; $"{i:d3}.png" ] (image false)

    for i in 0..3 do
        write [ "test"; "good"; $"{i:d3}.png" ] (image false)

    for i in 0..3 do
        write [ "test"; "spot"; $"{i:d3}.png" ] (image true)
        let mask = Image(32, 32, 1)

        for y in 8..15 do
            for x in 8..15 do
                mask[x, y, 0] <- 255uy

        write [ "ground_truth"; "spot"; $"{i:d3}_mask.png" ] mask

/// What a sweep told.
type private Ends() =
    member val Results = List<CellResult>()

    interface ISweepObserver with
        member _.Begin(_, _, _) = ()
        member _.Advance(_, _, _, _) = ()
        member _.Warn _ = ()
        member this.End(result, _) = this.Results.Add result

/// The optimisers of the papers.
let private optimisers: (string * (Modules.Parameter seq -> Modules.OptimizerHelper)) list = [
    "Adam", (fun parameters -> torch.optim.Adam(parameters, 0.05))
    "SGD with momentum", (fun parameters -> torch.optim.SGD(parameters, 0.01, 0.9, 0.0, 1e-4))
]

let private tiny = "vanilla+width=0.0625+images_per_epoch=32+batch_size=8"

let private sweep (folder: Folder) (resources: RandomResources) =
    let data = folder.File "data"
    if not (Directory.Exists data) then writeCategory data
    let cache = FeatureCache(folder.File "cache", 1L <<< 30)

    let runner =
        CellRunner(folder.File "run", Resources(Backbones = resources.Resources.Backbones, Features = cache, Device = torch.CPU), cache, 0)

    Sweep(folder.File "run", Datasets.Open data, runner, cache)

let private cells variants seeds = Cell.Span(Registry.Find "favae", variants, "data", [ "widget" ], seeds, Profile.Smoke)

let private message (work: unit -> unit) =
    try
        work ()
        ""
    with :? UserError as error ->
        error.Message

[<Tests>]
let tests =
    testSequenced
    <| testList "experiments" [
        testCase "a cell's id is stable, readable and names its overrides"
        <| fun () ->
            let cell = Cell(Registry.Find "hfae", "resnet18+image_size=224", "mvtec", "bottle", 3, false, Profile.Quick)
            Expect.equal cell.Id "hfae.resnet18+image_size=224.mvtec.bottle.seed3.quick" "seed"
            let fold = Cell(Registry.Find "gaussian", "resnet18-l2", "mvtec", "a b/c", 1, true, Profile.Paper)

            Expect.equal
                fold.Id
                "gaussian.resnet18-l2.mvtec.a_b_c~539138d5.fold1.paper"
                "what a file name cannot hold is replaced, and names that look alike then stay apart"

        testCase "every default setting of every variant can be written and read"
        <| fun () ->
            for paper in Registry.Methods do
                for variant in paper.Variants do
                    for profile in Enum.GetValues<Profile>() do
                        let configuration = paper.Configure(variant.Name, profile, "bottle", "mvtec")
                        let again = paper.Configure(variant.Name, Profile.Smoke, "", "").With(configuration.ToJson())
                        Expect.equal again.Hash configuration.Hash $"{paper.Id} {variant.Name} {profile}"

        testCase "settings of committed records are read under the names that they had then"
        <| fun () ->
            for id, variant, former, now in
                [
                    "hfae", "resnet18", "image_side", "image_size"
                    "hfae", "resnet18", "encoder", "network"
                    "favae", "resnet18", "feature_layers", "layers"
                    "gaussian", "resnet18-l2", "levels", "layers"
                ] do
                let method = Registry.Find id
                let configuration = method.Configure(variant, Profile.Paper, "bottle", "mvtec")
                let recorded = configuration.ToJson()
                recorded[former] <- (nonNull recorded[now]).DeepClone()
                recorded.Remove now |> ignore
                Expect.equal ((configuration.With recorded).Hash) configuration.Hash $"{id}: {former}"

        testCase "a setting is changed by name, and only that setting"
        <| fun () ->
            let before = (Registry.Find "favae").Configure("vanilla", Profile.Paper, "bottle", "mvtec").ToJson()
            let after = (Registry.Find "favae").Configure("vanilla+latent=12", Profile.Paper, "bottle", "mvtec").ToJson()
            Expect.equal ((nonNull after["latent"]).GetValue<int>()) 12 "changed"
            after["latent"] <- (nonNull before["latent"]).DeepClone()
            Expect.equal (after.ToJsonString()) (before.ToJsonString()) "the rest"

        for variant, words in
            [
                "vanilla+latnt=12", "no setting 'latnt'"
                "vanilla+latent=many", "does not fit"
                "vanilla+latent", "setting=value"
                "vgg61", "no variant 'vgg61'"
            ] do
            testCase $"{variant} is refused"
            <| fun () ->
                let told = message (fun () -> (Registry.Find "favae").Configure(variant, Profile.Paper, "bottle", "mvtec") |> ignore)
                Expect.stringContains told words "message"

        testCase "a failed write leaves the old file and no temporary one"
        <| fun () ->
            use folder = new Folder()
            let path = folder.File "a.json"
            AtomicFile.WriteText(path, "old")

            let told =
                message (fun () ->
                    AtomicFile.Write(
                        path,
                        fun stream ->
                            stream.WriteByte 1uy
                            raise (IOException "No space left on device")
                    ))

            Expect.stringContains told "No space left" "message"
            Expect.equal (File.ReadAllText path) "old" "old file"
            Expect.equal (Directory.GetFiles folder.Path).Length 1 "files"

        testCase "a lease is one's own until it is given back"
        <| fun () ->
            use folder = new Folder()
            let first = Lease.TryTake(folder.Path, "cell")
            Expect.isFalse (isNull (box first)) "first"
            Expect.isTrue (isNull (box (Lease.TryTake(folder.Path, "cell")))) "held"
            (nonNull first).Dispose()
            use second = nonNull (Lease.TryTake(folder.Path, "cell"))
            Expect.isFalse (isNull (box second)) "given back"

        for pooling in [ Pooling.None; Pooling.Average ] do
            testCase $"cached features ({pooling}) are those of the network, also from disk, also after damage"
            <| fun () ->
                use _scope = torch.NewDisposeScope()
                use folder = new Folder()
                use resources = new RandomResources([ "vgg19_16x" ])
                let backbone = resources.Resources.Backbones.Get "vgg19_16x"
                let batch = ImageBatch(RandomImages(5, 32), [| 3; 0; 4 |])
                let layers = [ "relu1_2"; "relu2_2" ]
                let get () = (FeatureCache(folder.Path, 1L <<< 30) :> IFeatures).Get(batch, backbone, layers, ImageSize.Square 32, pooling)
                let expected = UncachedFeatures().Get(batch, backbone, layers, ImageSize.Square 32, pooling)

                let compare what =
                    for e, a in Seq.zip expected (get ()) do
                        Expect.sequenceEqual a.shape e.shape what
                        Expect.isLessThan ((a - e).abs().max().ToSingle()) 1e-5f what

                compare "computed"
                compare "read"

                for file in Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories) do
                    use stream = File.OpenWrite file
                    stream.SetLength(stream.Length / 2L)

                compare "computed again"

        testCase "the cache is trimmed to its limit, least recently used first"
        <| fun () ->
            use folder = new Folder()

            for i in 1..4 do
                let path = folder.File $"{i}.safetensors"
                File.WriteAllBytes(path, Array.zeroCreate 100)
                File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(float -i))

            FeatureCache(folder.Path, 250L).Trim()

            Expect.equal
                [ for file in Array.sort (Directory.GetFiles folder.Path) -> Path.GetFileName file ]
                [ "1.safetensors"; "2.safetensors" ]
                "kept"

        for name, optimiser in optimisers do
            testCase $"an interrupted training with {name} goes on from its checkpoint to the same result"
            <| fun () ->
                use _scope = torch.NewDisposeScope()
                use folder = new Folder()
                let images = torch.rand ([| 64L; 3L |])

                let train (checkpoints: ICheckpoints | null) (stopAt: int64) =
                    torch.manual_seed 5L |> ignore
                    let model = torch.nn.Linear(3L, 1L)
                    use optimizer = optimiser (model.parameters ())
                    use stop = new CancellationTokenSource()

                    let context =
                        FitContext(
                            Seed = 5,
                            Checkpoints = checkpoints,
                            Cancellation = stop.Token,
                            Progress = fun done' _ _ -> if done' = stopAt then stop.Cancel()
                        )

                    let loss (step: int64) =
                        let order = context.Shuffle(64, step / 8L)
                        let rows = Array.sub order (int (step % 8L) * 8) 8 |> Array.map int64
                        // Draws from the default generator too, whose state a checkpoint has to keep.
                        let batch = images.index_select (0L, torch.tensor rows) + 0.1 * torch.randn ([| 8L; 3L |])
                        (model.call batch - batch.sum ([| 1L |], keepdim = true)).square().mean()

                    let finished =
                        try
                            Training.Run(context, model, optimizer, 40L, loss) |> ignore
                            true
                        with :? OperationCanceledException ->
                            false

                    finished,
                    [|
                        for p in model.parameters () do
                            yield! p.detach().flatten().data<float32>().ToArray()
                    |]

                let warnings = List<string>()
                let path = folder.File "c.safetensors"

                let of' identity =
                    Checkpoints(path, (fun () -> identity), TimeSpan.FromHours 1.0, (fun text -> warnings.Add text)) :> ICheckpoints

                let store () = of' "these settings"
                let _, undisturbed = train null -1L
                let finished, _ = train (store ()) 17L
                Expect.isFalse finished "interrupted"
                let finished, resumed = train (store ()) -1L
                Expect.isTrue finished "finished"
                Expect.equal resumed undisturbed "bit for bit"
                Expect.isEmpty warnings "nothing to tell"
                Expect.isTrue (isNull (box ((of' "others").Load()))) "other settings, no checkpoint"
                File.WriteAllText(path, "torn")
                Expect.isTrue (isNull (box (store().Load()))) "damaged, no checkpoint"
                Expect.equal warnings.Count 2 "both are told"

        testCase "a diverging training says at which step"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use model = torch.nn.Linear(1L, 1L)
            use optimizer = torch.optim.SGD(model.parameters (), 0.1)
            let loss (step: int64) = model.call(torch.ones ([| 1L; 1L |])).sum() * (if step = 3L then nan else 1.0)
            Expect.throwsT<DivergenceException> (fun () -> Training.Run(FitContext(Seed = 1), model, optimizer, 9L, loss) |> ignore) "NaN"

        testCase "a sweep writes records, skips them the next time, and redoes a failed cell alone"
        <| fun () ->
            use folder = new Folder()
            use resources = new RandomResources([])
            let wanted = cells [ tiny; tiny + "+latent=4"; "resnet18" ] [ 0 ]

            let run () =
                let ends = Ends()
                (sweep folder resources).Run(wanted, false, ends, CancellationToken.None) |> ignore
                [ for result in ends.Results -> result.Outcome ]

            Expect.equal (run ()) [ CellOutcome.Finished; CellOutcome.Finished; CellOutcome.Failed ] "first"
            Expect.equal (run ()) [ CellOutcome.AlreadyDone; CellOutcome.AlreadyDone; CellOutcome.Failed ] "second"
            let record = RunRecord.Read(RunRecord.PathOf(folder.File "run", wanted[0].Id))
            Expect.equal (record.Schema, record.Paper, record.Category, record.Seed) (1, "favae", "widget", Nullable 0) "identity"
            Expect.equal (record.Counts.Train, record.Counts.TestGood, record.Counts.TestAnomalous) (12, 4, 4) "counts"

            for name in
                [ "image_auroc"; "pixel_auroc"; "aupro"; "image_ap"; "pixel_ap"; "image_f1_max"; "pixel_f1_max"; "pixel_auroc.pixels" ] do
                let value = record.Metrics[name]
                Expect.isTrue (value.HasValue && value.Value >= 0.0 && value.Value <= 1.0) name

            Expect.equal record.Metrics["regions"] (Nullable 4.0) "regions"
            Expect.equal (File.ReadAllLines(RunRecord.ScoresPathOf(folder.File "run", wanted[0].Id))).Length 9 "a header and eight images"
            Expect.isEmpty (Directory.GetFiles(folder.Path, "*.tmp", SearchOption.AllDirectories)) "no temporary files"

        testCase "the same seed gives the same metrics, bit for bit"
        <| fun () ->
            use folder = new Folder()
            use resources = new RandomResources([])

            let run () =
                (sweep folder resources).Run(cells [ tiny ] [ 2 ], true, Ends(), CancellationToken.None)
                |> Seq.map (fun result -> (nonNull result.Record).Metrics |> Seq.map (fun pair -> pair.Key, pair.Value) |> List.ofSeq)
                |> List.ofSeq

            Expect.equal (run ()) (run ()) "metrics"

        testCase "no tensor is left when a cell is finished"
        <| fun () ->
            use folder = new Folder()
            use resources = new RandomResources([])

            let live () =
                GC.Collect()
                GC.WaitForPendingFinalizers()
                torch.Tensor.TotalCount

            let grown work =
                let before = live ()
                work ()
                live () - before

            let cell seed () = (sweep folder resources).Run(cells [ tiny ] [ seed ], false, Ends(), CancellationToken.None) |> ignore
            cell 3 ()
            // TorchSharp 0.107 counts a parameter twice when it is made, and once when it is freed; a kernel is made once in each layout.
            let settings =
                ((Registry.Find "favae").Configure(tiny, Profile.Smoke, "widget", "test") :?> Configuration<FavaeSettings>).Settings

            let parameters = ref 0L

            let network () =
                use detector = new FavaeDetector(settings, resources.Resources)
                parameters.Value <- int64 (Seq.length (detector.Network.parameters ()))

            let counted = grown network

            Expect.isTrue
                (counted = 0L || counted > parameters.Value && counted < 2L * parameters.Value)
                $"a network made and freed: {counted}, {parameters.Value} parameters"

            Expect.equal (grown (cell 4)) counted "live tensors after a cell"
    ]
