using TorchSharp.Modules;
using TorchSharp.PInvoke;
using TorchSharp.Utils;

namespace TorchSharp
{
    public static partial class torch
    {
        /// <summary>Optimisers, and schedules of their learning rates.</summary>
        public static partial class optim
        {
            /// <summary>Changes parameters by their gradients.</summary>
            public abstract class Optimizer : IDisposable
            {
                protected IList<ParamGroup> _parameter_groups = [];

                private protected Optimizer()
                {
                }

                public virtual IEnumerable<ILearningRateController> ParamGroups => _parameter_groups;

                public virtual IEnumerable<Parameter> parameters() => _parameter_groups.SelectMany(group => group.Parameters);

                /// <summary>Adds parameters with settings of their own.</summary>
                public abstract void add_param_group(ParamGroup param_group);

                /// <summary>Sets the gradients to 0.</summary>
                public abstract void zero_grad();

                /// <summary>Changes every parameter that has a gradient; the closure, if any, computes the loss first, which is returned.</summary>
                public abstract Tensor? step(Func<Tensor>? closure = null);

                public void Dispose()
                {
                    Dispose(true);
                    GC.SuppressFinalize(this);
                }

                protected virtual void Dispose(bool disposing)
                {
                }
            }

            /// <summary>What a scheduler changes.</summary>
            public interface ILearningRateController
            {
                double LearningRate { get; set; }

                double InitialLearningRate { get; set; }
            }
        }
    }

    namespace Modules
    {
        /// <summary>What all optimisers share: groups of parameters, and a state for each parameter that can be saved.</summary>
        public abstract class OptimizerHelper : torch.optim.Optimizer
        {
            private readonly Dictionary<Parameter, OptimizerState> states = new(ReferenceEqualityComparer.Instance);

            public override void add_param_group(ParamGroup param_group)
            {
                // A sequence may be lazy, such as Module.parameters(), and is walked in every step.
                param_group.Parameters = [.. param_group.Parameters];
                param_group.InitialLearningRate = param_group.LearningRate;
                _parameter_groups.Add(param_group);
                foreach (var parameter in param_group.Parameters) states[parameter] = NewState(parameter, param_group.Options);
            }

            private protected abstract OptimizerState NewState(Parameter parameter, OptimizerOptions options);

            /// <summary>Changes the parameters of one group, which have the given gradients and states.</summary>
            private protected abstract void StepGroup(OptimizerOptions options, torch.Tensor[] parameters, torch.Tensor[] grads, OptimizerState[] states);

            public override void zero_grad()
            {
                var grads = parameters().Select(parameter => parameter.grad).OfType<torch.Tensor>().ToArray();
                if (grads.Length > 0) Aten.Run("aten::_foreach_zero_", grads);
                foreach (var grad in grads) grad.Dispose();
            }

            public override torch.Tensor? step(Func<torch.Tensor>? closure = null)
            {
                torch.Tensor? loss = null;
                if (closure is not null)
                {
                    using var recorded = torch.enable_grad();
                    loss = closure();
                }
                using var unrecorded = torch.no_grad();
                using var scope = torch.NewDisposeScope();
                foreach (var group in _parameter_groups)
                {
                    var withGrad = group.Parameters.Select(parameter => (parameter, parameter.grad)).Where(pair => pair.grad is not null).ToArray();
                    if (withGrad.Length == 0) continue;
                    StepGroup(
                        group.Options, Array.ConvertAll(withGrad, pair => (torch.Tensor)pair.parameter), Array.ConvertAll(withGrad, pair => pair.grad!),
                        Array.ConvertAll(withGrad, pair => states[pair.parameter]));
                }
                return loss;
            }

            public void save_state_dict(string location)
            {
                using var writer = new BinaryWriter(File.Create(location));
                save_state_dict(writer);
            }

            /// <summary>Writes options and states in TorchSharp's own format.</summary>
            public void save_state_dict(BinaryWriter writer)
            {
                writer.Write(GetType().Name);
                writer.Encode(_parameter_groups.Count);
                writer.Encode(parameters().Count());
                foreach (var group in _parameter_groups) group.Options.SaveStateDict(writer);
                foreach (var parameter in parameters()) states[parameter].SaveStateDict(writer);
            }

            public void load_state_dict(string location)
            {
                using var reader = new BinaryReader(File.OpenRead(location));
                load_state_dict(reader);
            }

            /// <exception cref="InvalidDataException">The file is of another optimiser.</exception>
            /// <exception cref="ArgumentException">The file has another number of groups or parameters, or other shapes.</exception>
            public void load_state_dict(BinaryReader reader)
            {
                var saved = reader.ReadString();
                if (saved != GetType().Name)
                    throw new InvalidDataException($"Mismatched optimizer type: expected '{GetType().Name}', but found '{saved}' in the loaded stream.");
                if (reader.Decode() != _parameter_groups.Count)
                    throw new ArgumentException("Invalid optimizer state -- different number of parameter groups.");
                if (reader.Decode() != parameters().Count()) throw new ArgumentException("Invalid optimizer state -- different number of states.");
                foreach (var group in _parameter_groups) group.Options.LoadStateDict(reader);
                foreach (var parameter in parameters()) states[parameter].LoadStateDict(reader);
            }

            protected override void Dispose(bool disposing)
            {
                if (!disposing) return;
                foreach (var state in states.Values) state.Dispose();
            }
        }

        /// <summary>The settings of one group of parameters.</summary>
        public class OptimizerOptions
        {
            public double? LearningRate { get; set; }

            public double InitialLearningRate { get; set; }

            public virtual void SaveStateDict(BinaryWriter writer)
            {
                writer.Write(InitialLearningRate);
                writer.Write(LearningRate!.Value);
            }

            public virtual void LoadStateDict(BinaryReader reader)
            {
                InitialLearningRate = reader.ReadDouble();
                LearningRate = reader.ReadDouble();
            }
        }

        /// <summary>What an optimiser remembers of one parameter.</summary>
        public abstract class OptimizerState : IDisposable
        {
            public abstract void SaveStateDict(BinaryWriter writer);

            public abstract void LoadStateDict(BinaryReader reader);

            public abstract void Dispose();

            private protected static void SaveOptional(BinaryWriter writer, torch.Tensor? tensor)
            {
                writer.Write(tensor is not null);
                tensor?.Save(writer);
            }

            private protected static torch.Tensor? LoadOptional(BinaryReader reader, torch.Device device) =>
                reader.ReadBoolean() ? TensorExtensionMethods.Load(reader).to(device, disposeAfter: true).DetachFromDisposeScope() : null;
        }

        /// <summary>Parameters that share settings.</summary>
        public class ParamGroup : torch.optim.ILearningRateController
        {
            public IEnumerable<Parameter> Parameters { get; set; } = [];

            public OptimizerOptions Options { get; set; } = new();

            public double LearningRate
            {
                get => Options.LearningRate!.Value;
                set => Options.LearningRate = value;
            }

            public double InitialLearningRate
            {
                get => Options.InitialLearningRate;
                set => Options.InitialLearningRate = value;
            }
        }

        /// <summary>Parameters that share settings, of an optimiser whose settings are known.</summary>
        public class ParamGroup<TOptions> : ParamGroup where TOptions : OptimizerOptions
        {
            public ParamGroup(IEnumerable<Parameter> parameters, TOptions options)
            {
                Parameters = parameters;
                Options = options;
            }
        }
    }
}
