/// A paper that nobody knows by name: a method, and a folder beside the others'.
module Reproduction.Tests.SixthPaper

open System.IO
open System.Threading
open Expecto
open TorchSharp
open Reproduction.Analysis
open Reproduction.Backbones
open Reproduction.Baselines.Floor
open Reproduction.Data
open Reproduction.Imaging
open Reproduction.Methods
open Repro.Sweeps
open Reproduction.Tests.Bench

let private papers = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "papers"))

/// A detector that is there already, as another paper's.
type private Kriging() =
    inherit Method<PixelFloorSettings>()
    override _.Id = "kriging"
    override _.Variants = [| Variant<PixelFloorSettings>("plain", "the paper's", PixelFloorSettings(ImageSize = 32), true, null) |]
    override _.Create(settings, resources) = MeanImageMethod().Create(settings, resources)
    override _.Adapt(settings, _) = settings

let private silent = {
    new ISweepObserver with
        member _.Begin(_, _, _) = ()
        member _.Advance(_, _, _, _) = ()
        member _.Warn _ = ()
        member _.End(_, _) = ()
}

let private writeCategory (at: string -> string) =
    for index in 0..3 do
        writePicture (at $"data/bottle/train/good/{index}.png") (cloth "train" "good" index)
        writePicture (at $"data/bottle/test/good/{index}.png") (cloth "test" "good" index)
        let picture = cloth "test" "hole" index
        writePicture (at $"data/bottle/test/hole/{index}.png") picture
        let mask = Image(picture.Width, picture.Height, 1)
        mask[9, 9, 0] <- 255uy
        writePicture (at $"data/bottle/ground_truth/hole/{index}_mask.png") mask

let private copyPapers (target: string) =
    for file in Directory.GetFiles(papers, "*", SearchOption.AllDirectories) do
        let copy = Path.Combine(target, Path.GetRelativePath(papers, file))
        Directory.CreateDirectory(nonNull (Path.GetDirectoryName copy)) |> ignore
        File.Copy(file, copy)

[<Tests>]
let tests =
    testCase "a sixth paper runs, and the report has it under its own title beside its published numbers"
    <| inFolder (fun at ->
        writeCategory at
        let cache = FeatureCache(at "cache", 1L <<< 20)
        use backbones = new BackboneProvider(null, torch.CPU)
        let runner = CellRunner(at "run", Resources(Backbones = backbones, Features = cache, Device = torch.CPU), cache, 0)
        let dataset = Datasets.Open(at "data")
        let cells = Cell.Span(Kriging(), [| "plain" |], dataset.Name, [| "bottle" |], [| 0; 1 |], Profile.Quick)
        let results = Sweep(at "run", dataset, runner, cache).Run(cells, false, silent, CancellationToken.None)
        Expect.equal [ for result in results -> result.Outcome ] [ CellOutcome.Finished; CellOutcome.Finished ] "run"
        let records = RunRecord.readAll (at "run")
        let id seed = $"kriging.plain.mvtec.bottle.seed{seed}.quick"
        Expect.equal [ for record in records -> record.Cell ] [ id 0; id 1 ] "records"

        copyPapers (at "papers")

        let write (name: string) (text: string) =
            let file = at $"papers/kriging/{name}"
            Directory.CreateDirectory(nonNull (Path.GetDirectoryName file)) |> ignore
            File.WriteAllText(file, text)

        write "README.md" "# Krige: A Statistical Approach\n"

        write
            "published/table1.csv"
            "table,method,variant,category,metric,value,spread,spread_kind,unit\ntable1,kriging,plain,bottle,image_auroc,93.4,,,percent\n"

        let data = ReportData.gather (at "papers") (at "run")

        let compared = data.Compared |> List.filter (fun each -> each.Published.Paper = "kriging")
        Expect.hasLength compared 1 "its number"
        let measured = compared[0].Measured |> Option.get
        let values = records |> List.map (fun record -> record.Metrics["image_auroc"])
        Expect.floatClose Accuracy.high measured.Mean (List.average values) "what was measured"
        let markdown = Markdown.render data
        Expect.stringContains markdown "## kriging\n\nKrige: A Statistical Approach" "its title"
        Expect.stringContains markdown "| Table 1 | plain | bottle | image AUROC | 93.4 |" "its number")
