package io.tandem.faiss.presets;

import org.bytedeco.javacpp.annotation.Platform;
import org.bytedeco.javacpp.annotation.Properties;
import org.bytedeco.javacpp.presets.javacpp;
import org.bytedeco.javacpp.tools.Info;
import org.bytedeco.javacpp.tools.InfoMap;
import org.bytedeco.javacpp.tools.InfoMapper;

/**
 * Tells JavaCPP how FAISS's C++ headers become the Java classes of {@code io.tandem.faiss.binding}.
 *
 * <p>It inherits from {@code javacpp}, not from OpenBLAS's preset, which would be parsed again with
 * it and take ten times as long. OpenBLAS and what it needs are preloaded from the library that
 * ND4J carries, so that a process has one BLAS.
 */
@Properties(
    inherit = javacpp.class,
    value =
        @Platform(
            value = "linux",
            compiler = "cpp11",
            define = {"SHARED_PTR_NAMESPACE std", "UNIQUE_PTR_NAMESPACE std"},
            include = {
              "faiss/MetricType.h",
              "faiss/Index.h",
              "faiss/impl/IDSelector.h",
              "faiss/impl/AuxIndexStructures.h",
              "faiss/Clustering.h",
              "faiss/IndexFlatCodes.h",
              "faiss/IndexFlat.h",
              "faiss/impl/Quantizer.h",
              "faiss/impl/ScalarQuantizer.h",
              "faiss/IndexScalarQuantizer.h",
              "faiss/impl/HNSW.h",
              "faiss/IndexHNSW.h",
              "faiss/invlists/InvertedLists.h",
              "faiss/IndexIVF.h",
              "faiss/IndexIVFFlat.h",
              "faiss/IndexIVFPQ.h",
              "faiss/IndexIVFFastScan.h",
              "faiss/IndexIVFPQFastScan.h",
              "faiss/IndexRefine.h",
              "faiss/VectorTransform.h",
              "faiss/IndexPreTransform.h",
              "faiss/AutoTune.h",
              "faiss/index_factory.h",
              "faiss/index_io.h",
              "faiss_helpers.h",
              "faiss_gpu.h"
            },
            // OpenBLAS is named to the linker by its exact file, in pom.xml.
            link = "faiss",
            preload = {"gcc_s@.1", "quadmath@.0", "gfortran@.4", "openblas@.0"},
            preloadresource = "/org/bytedeco/openblas/"),
    target = "io.tandem.faiss.binding",
    global = "io.tandem.faiss.binding.global.faiss")
public class faiss implements InfoMapper {
  @Override
  public void map(InfoMap map) {
    names(map);
    ownership(map);
    left(map);
  }

  private static void names(InfoMap map) {
    // The annotation of JavaCPP's has the same simple name.
    map.put(new Info().javaText("import io.tandem.faiss.binding.Index;"));
    map.put(new Info("FAISS_API").cppTypes().annotations());
    // Types that FAISS declares in a base class and names in derived ones. "long" stands without a
    // cast, or constructors of one id would clash with those that allocate arrays.
    map.put(
        new Info("idx_t", "faiss::Index::idx_t", "Index::idx_t", "typename IndexT::idx_t")
            .valueTypes("long")
            .pointerTypes("LongPointer", "LongBuffer", "long[]"));
    map.put(
        new Info("component_t", "distance_t")
            .valueTypes("float")
            .pointerTypes("FloatPointer", "FloatBuffer", "float[]"));
    map.put(
        new Info("HNSW::storage_idx_t", "storage_idx_t", "faiss::HNSW::storage_idx_t")
            .valueTypes("int")
            .pointerTypes("IntPointer", "IntBuffer", "int[]"));
    map.put(
        new Info("IVFSearchParameters", "faiss::IVFSearchParameters")
            .pointerTypes("SearchParametersIVF"));
    // Abstract by inheritance, which the parser does not see.
    map.put(
        new Info(
                "faiss::IndexFlatCodes",
                "faiss::IndexIVF",
                "faiss::IndexIVFFastScan",
                "faiss::ReadOnlyInvertedLists")
            .purify());
  }

  private static void ownership(InfoMap map) {
    map.put(
        new Info("std::unique_ptr<faiss::Index>").annotations("@UniquePtr").pointerTypes("Index"));
    map.put(
        new Info("std::unique_ptr<tandem::SearchCodes>")
            .annotations("@UniquePtr")
            .pointerTypes("SearchCodes"));
  }

  /** What the engine does not need and JavaCPP has no mapping for. */
  private static void left(InfoMap map) {
    map.put(
        new Info(
                "tandem::detail",
                "tandem::detail::wanted_threads",
                "openblas_get_corename",
                "tandem::detail::GpuLibrary",
                "tandem::detail::gpu_library",
                "tandem::SearchCodes::get",
                "tandem::SearchCodes::link_copies",
                "std::unordered_set<idx_t>",
                "faiss::IDSelectorBatch::set",
                "faiss::IndexFlat1D",
                "faiss::IndexFlat1D::perm",
                "faiss::IndexIVFFlatDedup",
                "faiss::ArrayInvertedLists::codes",
                "faiss::ArrayInvertedLists::ids",
                "faiss::HNSW::shrink_neighbor_list",
                "faiss::HNSW::add_with_locks",
                "faiss::HNSW::search_from_candidates",
                "faiss::HNSW::Node",
                "faiss::HNSW::MinimaxHeap",
                "faiss::HNSW::NodeDistCloser",
                "faiss::HNSW::NodeDistFarther",
                "faiss::HNSW::rng",
                "faiss::ReconstructFromNeighbors",
                "faiss::IndexHNSW::reconstruct_from_neighbors",
                "faiss::InterruptCallback",
                "faiss::RangeSearchPartialResult",
                "faiss::RangeQueryResult",
                "faiss::BufferList",
                "faiss::VisitedTable",
                "faiss::PQEncoderGeneric",
                "faiss::PQEncoder8",
                "faiss::PQEncoder16",
                "faiss::PQDecoderGeneric",
                "faiss::PQDecoder8",
                "faiss::PQDecoder16",
                "faiss::IndexIVF::direct_map",
                "faiss::IndexIVF::set_direct_map_type",
                "faiss::IndexFlatCodes::get_FlatCodesDistanceComputer",
                "faiss::IndexFlat::get_FlatCodesDistanceComputer",
                "faiss::IndexScalarQuantizer::get_FlatCodesDistanceComputer",
                "faiss::ScalarQuantizer::SQuantizer",
                "faiss::ScalarQuantizer::SQDistanceComputer",
                "faiss::ScalarQuantizer::select_quantizer",
                "faiss::ScalarQuantizer::get_distance_computer",
                "faiss::IndexIVFPQ::precomputed_table",
                "faiss::IndexIVFPQ::polysemous_training",
                "faiss::initialize_IVFPQ_precomputed_table",
                "faiss::AlignedTable<float>",
                "faiss::AlignedTable<uint8_t>",
                "faiss::AlignedTable<uint16_t>",
                "faiss::IndexIVFPQFastScan::precomputed_table",
                "faiss::IndexIVFPQFastScan::compute_LUT",
                "faiss::IndexIVFFastScan::compute_LUT",
                "faiss::IndexIVFFastScan::compute_LUT_uint8",
                "faiss::IndexIVFFastScan::search_dispatch_implem",
                "faiss::IndexIVFFastScan::search_implem_1",
                "faiss::IndexIVFFastScan::search_implem_2",
                "faiss::IndexIVFFastScan::search_implem_10",
                "faiss::IndexIVFFastScan::search_implem_12",
                "faiss::IVFFastScanStats",
                "faiss::IVFFastScan_stats",
                "faiss::HStackInvertedLists",
                "faiss::VStackInvertedLists",
                "faiss::SliceInvertedLists",
                "faiss::MaskedInvertedLists",
                "faiss::StopWordsInvertedLists")
            .skip());
  }
}
