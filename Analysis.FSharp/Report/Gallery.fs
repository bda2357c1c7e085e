namespace Reproduction.Analysis

open System.IO
open System.Text.Json.Nodes

/// A test image that `repro run` drew for one cell; paths are absolute.
type GalleryImage = {
    Record: RunRecord
    Image: string
    Defect: string
    IsAnomalous: bool
    Score: float
    /// For a good image the share of defective ones with a lower score, for a defective image the share of good ones with
    /// a higher score: 0 is right, 1 is as wrong as can be.
    Error: float
    Input: string
    Mask: string option
    Map: string
    Overlay: string
    /// Partial maps by name: levels of a sum, members of an ensemble.
    Parts: (string * string) list
}

/// One test image beside itself as every method that drew it sees it.
[<RequireQualifiedAccess>]
type GalleryPanel = {
    Dataset: string
    Category: string
    Image: string
    /// At least one.
    Images: GalleryImage list
} with

    /// Of the method that is most wrong.
    member this.WorstError = this.Images |> List.map _.Error |> List.max

    /// Over the methods.
    member this.MeanError = this.Images |> List.averageBy _.Error

module Gallery =
    let private read run (record: RunRecord) : GalleryImage list =
        let folder = Path.Combine(run, "gallery", record.Cell)
        let index = Path.Combine(folder, "gallery.json")

        if not (File.Exists index) then
            []
        else
            let scores = RunRecord.readScores run record.Cell

            let share among isWrong =
                let others = scores |> List.filter (fun score -> score.IsAnomalous = among)
                if others.IsEmpty then 0.0 else float (others |> List.filter isWrong |> List.length) / float others.Length

            match JsonNode.Parse(File.ReadAllText index) with
            | :? JsonArray as entries -> [
                for entry in entries do
                    match entry with
                    | :? JsonObject as entry ->
                        let text (name: string) = entry[name] |> Option.ofObj |> Option.map (fun node -> node.GetValue<string>())

                        let number (name: string) =
                            match entry[name] with
                            | null -> raise (AnalysisError $"{index} has an entry without '{name}'; run its cell again with --force")
                            | node -> node.GetValue<float>()

                        let path name = text name |> Option.map (fun file -> Path.Combine(folder, file))
                        let score, isAnomalous = number "score", number "label" <> 0.0

                        {
                            Record = record
                            Image = defaultArg (text "image") ""
                            Defect = defaultArg (text "defect") ""
                            IsAnomalous = isAnomalous
                            Score = score
                            Error =
                                if isAnomalous then
                                    share false (fun other -> other.Score > score)
                                else
                                    share true (fun other -> other.Score < score)
                            Input = defaultArg (path "input") ""
                            Mask = path "mask"
                            Map = defaultArg (path "map") ""
                            Overlay = defaultArg (path "overlay") ""
                            Parts =
                                match entry["parts"] with
                                | :? JsonObject as parts -> [
                                    for KeyValue(name, file) in parts do
                                        match file with
                                        | null -> ()
                                        | file -> name, Path.Combine(folder, file.GetValue<string>())
                                  ]
                                | _ -> []
                        }
                    | _ -> ()
              ]
            | _ -> []

    /// Finds and errors in turn, so that a page begins with both: the defect that the methods find best, then the image that one of them
    /// gets most wrong, then the next of each. Finds are of every category in turn, those that more methods drew first.
    let inTurns (panels: GalleryPanel list) : GalleryPanel list =
        let finds =
            panels
            |> List.filter (fun panel -> panel.Images.Head.IsAnomalous && panel.MeanError < 0.5)
            |> List.groupBy (fun panel -> panel.Dataset, panel.Category)
            |> List.collect (fun (_, own) ->
                own |> List.sortBy (fun panel -> -panel.Images.Length, panel.MeanError, panel.WorstError, panel.Image) |> List.indexed)
            |> List.sortBy fst
            |> List.map snd

        let errors = panels |> List.sortByDescending _.WorstError

        let key (panel: GalleryPanel) = panel.Dataset, panel.Category, panel.Image

        let rec next taken finds errors =
            match finds, errors with
            | [], [] -> []
            | panel :: rest, others when Set.contains (key panel) taken -> next taken rest others
            | others, panel :: rest when Set.contains (key panel) taken -> next taken others rest
            | find :: finds, error :: errors when key find = key error -> find :: next (Set.add (key find) taken) finds errors
            | find :: finds, error :: errors -> find :: error :: next (taken |> Set.add (key find) |> Set.add (key error)) finds errors
            | panel :: rest, []
            | [], panel :: rest -> panel :: next (Set.add (key panel) taken) [] rest

        next Set.empty finds errors

    /// The panels of a run's cells, in turns; of a category at most as many as are asked for, the same images for all methods, so that
    /// their maps stand side by side.
    let panels (mostPerCategory: int -> int) run (records: RunRecord list) : GalleryPanel list =
        let drawn = records |> List.map (read run) |> List.filter (fun images -> not images.IsEmpty)

        drawn
        |> List.concat
        |> List.groupBy (fun image -> image.Record.Dataset, image.Record.Category)
        |> List.collect (fun ((dataset, category), images) ->
            images
            |> List.groupBy _.Image
            |> List.map (fun (image, own) -> {
                GalleryPanel.Dataset = dataset
                GalleryPanel.Category = category
                GalleryPanel.Image = image
                GalleryPanel.Images = own
            })
            |> inTurns
            |> List.truncate (mostPerCategory drawn.Length))
        |> inTurns
